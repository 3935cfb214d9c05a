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
