package farmtally

// Table is some records of one farm as columns: what an import of many records is made
// of. Its rows are valid and ended records that have been accepted, with runtime and cost
// (Record.Validate, Record.Accept). All columns have Len rows.
type Table struct {
	FarmID   FarmID
	FarmName string // "" is absent

	RecordIDs                      Texts
	StartedAt, EndedAt             []int64 // Instants
	RuntimeMillis                  []int64
	Cost                           []int64 // Money
	Queues, Fleets, Jobs           Coded   // ids, with names
	Users, UsageTypes              Coded   // a usage type is the text of it
	InstanceTypes, LicenseProducts Coded
	Rates                          Coded // ids of what priced the records; "" where their source named the cost

	Workers, CPUs, GPUs, MemoryInGiB []int64 // Quantities; nil is 0 in each row
}

// Texts are texts laid end to end: that of row i ends before Ends[i], and begins where
// the one before it ends, or at From.
type Texts struct {
	Bytes []byte
	From  uint32
	Ends  []uint32
}

// At is the text of a row.
func (t *Texts) At(row int) []byte {
	from := t.From
	if row > 0 {
		from = t.Ends[row-1]
	}
	return t.Bytes[from:t.Ends[row]]
}

// Slice gives rows, which share their bytes.
func (t *Texts) Slice(from, to int) Texts {
	s := Texts{t.Bytes, t.From, t.Ends[from:to]}
	if from > 0 {
		s.From = t.Ends[from-1]
	}
	return s
}

// Coded is a column of texts that repeat: that of row i is Values[Codes[i]], and ""
// where it is absent. No Codes at all are a column without values.
type Coded struct {
	Codes  []uint32
	Values []string // some may occur in no row, or twice
	Names  []string // of an id's column, by code: the name that the last row that has one has for the id; nil: none
}

// At is the text of a row.
func (c *Coded) At(row int) string {
	if c.Codes == nil {
		return ""
	}
	return c.Values[c.Codes[row]]
}

func (c *Coded) name(row int) string {
	if c.Codes == nil || c.Names == nil {
		return ""
	}
	return c.Names[c.Codes[row]]
}

func (c *Coded) slice(from, to int) Coded {
	if c.Codes == nil {
		return *c
	}
	return Coded{c.Codes[from:to], c.Values, c.Names}
}

// Len is the number of rows.
func (t *Table) Len() int { return len(t.StartedAt) }

// Slice gives rows, which share their values with the table.
func (t *Table) Slice(from, to int) Table {
	s := Table{
		FarmID: t.FarmID, FarmName: t.FarmName, RecordIDs: t.RecordIDs.Slice(from, to),
		StartedAt: t.StartedAt[from:to], EndedAt: t.EndedAt[from:to],
		RuntimeMillis: t.RuntimeMillis[from:to], Cost: t.Cost[from:to],
		Queues: t.Queues.slice(from, to), Fleets: t.Fleets.slice(from, to), Jobs: t.Jobs.slice(from, to),
		Users: t.Users.slice(from, to), UsageTypes: t.UsageTypes.slice(from, to),
		InstanceTypes: t.InstanceTypes.slice(from, to), LicenseProducts: t.LicenseProducts.slice(from, to),
		Rates: t.Rates.slice(from, to),
	}
	cut := func(quantities []int64) []int64 {
		if quantities == nil {
			return nil
		}
		return quantities[from:to]
	}
	s.Workers, s.CPUs, s.GPUs, s.MemoryInGiB = cut(t.Workers), cut(t.CPUs), cut(t.GPUs), cut(t.MemoryInGiB)
	return s
}

// Record puts the record of a row into r, with names. Its rate is the id alone.
func (t *Table) Record(row int, r *Record) {
	quantity := func(quantities []int64) Quantity {
		if quantities == nil {
			return 0
		}
		return Quantity(quantities[row])
	}
	usage, _ := ParseUsageType(t.UsageTypes.At(row)) // a valid one
	*r = Record{
		RecordID: string(t.RecordIDs.At(row)), FarmID: t.FarmID, FarmName: t.FarmName,
		QueueID: QueueID(t.Queues.At(row)), QueueName: t.Queues.name(row),
		FleetID: FleetID(t.Fleets.At(row)), FleetName: t.Fleets.name(row),
		JobID: JobID(t.Jobs.At(row)), JobName: t.Jobs.name(row),
		UserID: t.Users.At(row), UsageType: usage,
		InstanceType: t.InstanceTypes.At(row), LicenseProduct: t.LicenseProducts.At(row),
		StartedAt: Instant(t.StartedAt[row]), EndedAt: Instant(t.EndedAt[row]),
		RuntimeMillis: t.RuntimeMillis[row], HasRuntime: true,
		Cost: Money(t.Cost[row]), HasCost: true, Rate: Rate{ID: t.Rates.At(row)},
		Workers: quantity(t.Workers), CPUs: quantity(t.CPUs), GPUs: quantity(t.GPUs), MemoryInGiB: quantity(t.MemoryInGiB),
	}
}
