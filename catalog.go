package farmtally

// Farm is a farm that has records. CreatedAt is when its first record was
// accepted.
type Farm struct {
	ID        FarmID
	Name      string // "" where no source named it
	CostScale CostScale
	CreatedAt Instant
}

// Queue is a queue of a farm.
type Queue struct {
	FarmID    FarmID
	ID        QueueID
	Name      string
	CreatedAt Instant
}

// Fleet is a fleet of a farm.
type Fleet struct {
	FarmID    FarmID
	ID        FleetID
	Name      string
	CreatedAt Instant
}

// AccessKey is a key that signs requests.
type AccessKey struct {
	ID        string // the AWS access key id: "FT" and 18 of A–Z and 2–7
	Secret    string // the AWS secret access key
	Name      string // whose it is, for people
	CreatedAt Instant
	RevokedAt Instant // 0 while the key is good
	Grants    []Grant // at most one for each farm; what any of them allows is allowed
}

// Extent is the time that a farm's records cover.
type Extent struct {
	First, Last Instant // of the first start and of the last end; both 0 without records
	Running     int64   // records that have not ended
	some        bool
}

// Empty reports whether there is no record at all.
func (x *Extent) Empty() bool { return !x.some }

// Widen makes the extent cover a record of these times too.
func (x *Extent) Widen(start, end Instant) {
	if !x.some {
		*x = Extent{First: start, Last: end, Running: x.Running, some: true}
		return
	}
	x.First, x.Last = min(x.First, start), max(x.Last, end)
}

// Label is what people call a value of a dimension: the user behind an id, the machine
// behind an instance type.
type Label struct {
	FarmID    FarmID
	Dimension Dimension
	Value     string
	Text      string // "" is none
}

// The most characters that a label may have, and the value that it is for.
const (
	MaxLabel    = 100
	MaxLabelled = 256
)
