package export

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/farmtally/farmtally"
)

// field is one member of a record as text: absent, a number, or a string.
type field struct {
	name   string
	text   string
	number bool
}

// recordNames are the columns of a record in CSV, and the members in JSON.
var recordNames = []string{
	"recordId", "farmId", "farmName", "queueId", "queueName", "fleetId", "fleetName", "jobId", "jobName",
	"userId", "usageType", "instanceType", "licenseProduct", "startedAt", "endedAt",
	"runtimeInSeconds", "costInUsd", "workers", "cpus", "gpus", "memoryInGiB",
}

// fields puts the record's members into f, in the order of recordNames. An absent
// one has no text.
func fields(f []field, r *farmtally.Record) []field {
	text := func(s string) { f = append(f, field{name: recordNames[len(f)], text: s}) }
	number := func(s string, present bool) {
		if !present {
			s = ""
		}
		f = append(f, field{name: recordNames[len(f)], text: s, number: true})
	}
	text(r.RecordID)
	text(string(r.FarmID))
	text(r.FarmName)
	text(string(r.QueueID))
	text(r.QueueName)
	text(string(r.FleetID))
	text(r.FleetName)
	text(string(r.JobID))
	text(r.JobName)
	text(r.UserID)
	text(r.UsageType.String())
	text(r.InstanceType)
	text(r.LicenseProduct)
	text(r.StartedAt.String())
	if r.Running {
		text("")
	} else {
		text(r.EndedAt.String())
	}
	number(farmtally.FormatRuntime(r.RuntimeMillis), r.HasRuntime)
	number(r.Cost.String(), r.HasCost && r.Rate.ID == "")
	number(r.Workers.String(), true)
	number(r.CPUs.String(), r.CPUs != 0)
	number(r.GPUs.String(), r.GPUs != 0)
	number(r.MemoryInGiB.String(), r.MemoryInGiB != 0)
	return f
}

// AppendRecordJSON appends the record as one JSON object on one line, without the
// line's end. Absent members are left out, and so is a cost that a rate card gave,
// for it is not the record's own.
func AppendRecordJSON(b []byte, r *farmtally.Record) []byte {
	var array [32]field
	sep := byte('{')
	for _, f := range fields(array[:0], r) {
		if f.text == "" {
			continue
		}
		b = append(b, sep, '"')
		b = append(b, f.name...)
		b = append(b, '"', ':')
		if f.number {
			b = append(b, f.text...)
		} else {
			b = appendString(b, f.text)
		}
		sep = ','
	}
	return append(b, '}')
}

// appendString appends s as a JSON string.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			text, _ := json.Marshal(s) // a string always encodes
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendRecordCSV appends the record as one line of CSV (RFC 4180), in the order of
// recordNames, without the line's end. No text in it is a formula.
func appendRecordCSV(b []byte, r *farmtally.Record) []byte {
	var array [32]field
	for i, f := range fields(array[:0], r) {
		if i > 0 {
			b = append(b, ',')
		}
		if !f.number {
			f.text = harmless(f.text)
		}
		b = appendCell(b, f.text)
	}
	return b
}

// appendCell appends a cell of CSV, in quotes where it must be.
func appendCell(b []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}
