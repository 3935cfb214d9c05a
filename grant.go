package farmtally

// Role is what a key may do on a farm.
type Role int

// The roles.
const (
	// Owner reads statistics and pushes records.
	Owner Role = iota + 1
	// Manager reads statistics.
	Manager
	// Writer pushes records.
	Writer
)

var roleNames = []string{Owner: "OWNER", Manager: "MANAGER", Writer: "WRITER"}

// String is the role's name.
func (r Role) String() string { return enumName(roleNames, r) }

// ParseRole reads a role's name; its error says which are allowed.
func ParseRole(s string) (Role, error) { return parseEnum[Role](roleNames, s) }

// EveryFarm stands in a Grant for all farms, those that are still to come too.
const EveryFarm FarmID = ""

// Grant is a role on a farm, or on EveryFarm.
type Grant struct {
	FarmID FarmID
	Role   Role
}

// MayRead reports whether the key may read the farm's statistics. It does not say
// whether the farm exists, or the key is good.
func (k *AccessKey) MayRead(farm FarmID) bool { return k.has(farm, Manager) }

// MayPush reports whether the key may push records of the farm. It does not say
// whether the farm exists, or the key is good.
func (k *AccessKey) MayPush(farm FarmID) bool { return k.has(farm, Writer) }

// MayLabel reports whether the key may say what the farm's users and machines are
// called: that is the owner's alone. It does not say whether the farm exists, or the key
// is good.
func (k *AccessKey) MayLabel(farm FarmID) bool { return k.has(farm, Owner) }

// has reports whether the key has a role on the farm, or the owner's, who may do all.
func (k *AccessKey) has(farm FarmID, role Role) bool {
	for _, g := range k.Grants {
		if (g.FarmID == farm || g.FarmID == EveryFarm) && (g.Role == role || g.Role == Owner) {
			return true
		}
	}
	return false
}
