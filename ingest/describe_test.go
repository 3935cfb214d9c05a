package ingest_test

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
)

// describe writes down a row in a line for each thing that it says.
func describe(row *ingest.Row) []string {
	var out []string
	if row.Skip != "" {
		out = append(out, fmt.Sprintf("%d: skipped: %s", row.Line, row.Skip))
	}
	for _, f := range row.Faults {
		out = append(out, fmt.Sprintf("%d: %s: %s", row.Line, f.Name, f.Message))
	}
	for i := range row.Records {
		out = append(out, fmt.Sprintf("%d: %s", row.Line, describeRecord(&row.Records[i])))
	}
	return out
}

func describeRecord(r *farmtally.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.UsageType, r.RecordID)
	text := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, " %s=%q", name, value)
		}
	}
	text("farm", cmp.Or(r.FarmName, string(r.FarmID)))
	text("queue", cmp.Or(r.QueueName, string(r.QueueID)))
	text("fleet", cmp.Or(r.FleetName, string(r.FleetID)))
	text("job", r.JobName)
	text("user", r.UserID)
	text("instance", r.InstanceType)
	text("product", r.LicenseProduct)
	fmt.Fprintf(&b, " %s", r.StartedAt)
	if r.Running {
		b.WriteString(" running")
	} else {
		fmt.Fprintf(&b, " %s", r.EndedAt)
	}
	if r.HasRuntime {
		fmt.Fprintf(&b, " %ss", farmtally.FormatRuntime(r.RuntimeMillis))
	}
	if r.HasCost {
		fmt.Fprintf(&b, " $%s", r.Cost)
	}
	fmt.Fprintf(&b, " %s/%s/%s/%s", r.Workers, r.CPUs, r.GPUs, r.MemoryInGiB)
	return b.String()
}
