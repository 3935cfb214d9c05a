package backendtest

import (
	"context"

	"github.com/farmtally/farmtally"
)

// AddTables adds records to an import in their order: runs of ended ones of one farm as
// tables, the others one by one.
func AddTables(ctx context.Context, load farmtally.Import, records []farmtally.Record) error {
	for from := 0; from < len(records); {
		if records[from].Running {
			if err := load.Add(ctx, &records[from]); err != nil {
				return err
			}
			from++
			continue
		}
		to := from
		for to < len(records) && !records[to].Running && records[to].FarmID == records[from].FarmID {
			to++
		}
		table, err := TableOf(records[from:to])
		if err == nil {
			err = load.AddTable(ctx, table)
		}
		if err != nil {
			return err
		}
		from = to
	}
	return nil
}

// TableOf makes a table of ended records of one farm, whose values come in the order of the
// rows. It has values that no row has, and some more than once.
func TableOf(records []farmtally.Record) (*farmtally.Table, error) {
	t := &farmtally.Table{FarmID: records[0].FarmID}
	for i := range records {
		r := records[i]
		if err := r.Accept(); err != nil {
			return nil, err
		}
		if r.FarmName != "" {
			t.FarmName = r.FarmName
		}
		t.RecordIDs.Bytes = append(t.RecordIDs.Bytes, r.RecordID...)
		t.RecordIDs.Ends = append(t.RecordIDs.Ends, uint32(len(t.RecordIDs.Bytes))) //nolint:gosec // a test's records
		t.StartedAt, t.EndedAt = append(t.StartedAt, int64(r.StartedAt)), append(t.EndedAt, int64(r.EndedAt))
		t.RuntimeMillis, t.Cost = append(t.RuntimeMillis, r.RuntimeMillis), append(t.Cost, int64(r.Cost))
		for _, column := range []struct {
			to         *farmtally.Coded
			text, name string
		}{
			{&t.Queues, string(r.QueueID), r.QueueName}, {&t.Fleets, string(r.FleetID), r.FleetName},
			{&t.Jobs, string(r.JobID), r.JobName}, {&t.Users, r.UserID, ""}, {&t.UsageTypes, r.UsageType.String(), ""},
			{&t.InstanceTypes, r.InstanceType, ""}, {&t.LicenseProducts, r.LicenseProduct, ""}, {&t.Rates, r.Rate.ID, ""},
		} {
			addCoded(column.to, column.text, column.name)
		}
		t.Workers, t.CPUs = append(t.Workers, int64(r.Workers)), append(t.CPUs, int64(r.CPUs))
		t.GPUs, t.MemoryInGiB = append(t.GPUs, int64(r.GPUs)), append(t.MemoryInGiB, int64(r.MemoryInGiB))
	}
	return t, nil
}

func addCoded(c *farmtally.Coded, text, name string) {
	if c.Values == nil {
		c.Values, c.Names = []string{"of no row"}, []string{"of nothing"}
	}
	code := len(c.Values) - 1
	for code >= 0 && c.Values[code] != text {
		code--
	}
	if len(c.Codes)%5 == 4 {
		code = -1 // another code for the same text
	}
	if code < 0 {
		code = len(c.Values)
		c.Values, c.Names = append(c.Values, text), append(c.Names, "")
	}
	if name != "" {
		c.Names[code] = name
	}
	c.Codes = append(c.Codes, uint32(code)) //nolint:gosec // a test's records
}
