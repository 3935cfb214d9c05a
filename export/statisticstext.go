package export

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/farmtally/farmtally"
)

// csvForm is what a file of CSV begins with, and how its lines end. Excel takes a file
// without a byte order mark for something else than UTF-8, and RFC 4180 wants CR and LF.
func csvForm(spreadsheet bool) (head []byte, lineEnd string) {
	if spreadsheet {
		return []byte("\ufeff"), "\r\n"
	}
	return nil, "\n"
}

// bufferBytes is how much text is written at once.
const bufferBytes = 64 << 10

// statisticsCSV writes CSV (RFC 4180), with ids and names.
type statisticsCSV struct {
	out     *bufio.Writer
	c       StatisticsConfig
	line    []byte
	lineEnd string
}

func newStatisticsCSV(w io.Writer, c StatisticsConfig) (*statisticsCSV, error) {
	s := &statisticsCSV{out: bufio.NewWriterSize(w, bufferBytes), c: c}
	s.line, s.lineEnd = csvForm(c.Spreadsheet)
	s.line = append(s.line, "aggregationStartTime,aggregationEndTime"...)
	for _, d := range c.GroupBy {
		for _, name := range members[d] {
			if name != "" {
				s.line = append(append(s.line, ','), name...)
			}
		}
	}
	s.line = append(s.line, ",count"...)
	for _, measure := range []string{costName, runtimeName} {
		for _, v := range c.Statistics {
			s.line = append(append(append(append(s.line, ','), measure...), '.'), statisticWords[v]...)
		}
	}
	s.line = append(s.line, s.lineEnd...)
	_, err := s.out.Write(s.line)
	return s, err
}

// Write implements StatisticsWriter.
func (s *statisticsCSV) Write(r *StatisticsRow) error {
	b := s.line[:0]
	b = append(b, r.Start.String()...)
	b = append(append(b, ','), r.End.String()...)
	for i, d := range s.c.GroupBy {
		b = appendCell(append(b, ','), harmless(r.Group[i]))
		if members[d][1] != "" {
			b = appendCell(append(b, ','), harmless(r.Names[i]))
		}
	}
	b = strconv.AppendInt(append(b, ','), r.Count, 10)
	for _, m := range r.measures() {
		for _, v := range s.c.Statistics {
			b = m.of.append(append(b, ','), v, m.digits)
		}
	}
	b = append(b, s.lineEnd...)
	s.line = b
	_, err := s.out.Write(b)
	return err
}

// Close implements StatisticsWriter.
func (s *statisticsCSV) Close(StatisticsEnd) error { return s.out.Flush() }

// harmless gives a text that no spreadsheet takes for a formula: one that begins as a
// formula does gets an apostrophe in front, and so does one that would look as if it had
// got one. Files for people need it, for a job or a user may be called =cmd|'/c calc'!A1.
// Package ingest takes the apostrophe away again.
func harmless(s string) string {
	begin, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, "'"))
	if strings.ContainsRune(formulaSigns, begin) {
		return "'" + s
	}
	return s
}

// formulaSigns are what a formula begins with, also in the wide forms that some Excels
// read as the narrow ones.
const formulaSigns = "=+-@\t\r\n＝＋－＠"

// appendRow appends a row as JSON: AWS's members, and the names that farmtally knows.
func (c *StatisticsConfig) appendRow(b []byte, r *StatisticsRow) []byte {
	b = append(append(b, `{"aggregationStartTime":"`...), r.Start.String()...)
	b = append(append(b, `","aggregationEndTime":"`...), r.End.String()...)
	b = append(b, '"')
	for i, d := range c.GroupBy {
		for j, text := range [...]string{r.Group[i], r.Names[i]} {
			if name := members[d][j]; name != "" && text != "" {
				b = append(append(append(b, `,"`...), name...), `":`...)
				b = appendString(b, text)
			}
		}
	}
	b = strconv.AppendInt(append(b, `,"count":`...), r.Count, 10)
	for _, m := range r.measures() {
		b = append(append(append(b, `,"`...), m.name...), `":{`...)
		separate := ""
		for _, v := range [...]farmtally.Statistic{farmtally.StatSum, farmtally.StatAvg, farmtally.StatMin, farmtally.StatMax} {
			if m.of.Has(v) {
				b = append(append(append(append(b, separate...), '"'), statisticWords[v]...), `":`...)
				b = m.of.append(b, v, m.digits)
				separate = ","
			}
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

// statisticsLines writes NDJSON, each row as it comes.
type statisticsLines struct {
	w    io.Writer
	c    StatisticsConfig
	line []byte
}

// Write implements StatisticsWriter.
func (s *statisticsLines) Write(r *StatisticsRow) error {
	s.line = append(s.c.appendRow(s.line[:0], r), '\n')
	_, err := s.w.Write(s.line)
	return err
}

// Close implements StatisticsWriter.
func (s *statisticsLines) Close(StatisticsEnd) error { return nil }

// statisticsJSON writes one document, row by row, so that no answer is too long for it.
type statisticsJSON struct {
	w    io.Writer
	c    StatisticsConfig
	line []byte
	rows int
}

// Write implements StatisticsWriter.
func (s *statisticsJSON) Write(r *StatisticsRow) error {
	head := ",\n    "
	if s.rows == 0 {
		head = "{\n  \"statistics\": [\n    "
	}
	s.rows++
	s.line = s.c.appendRow(append(s.line[:0], head...), r)
	_, err := s.w.Write(s.line)
	return err
}

// Close implements StatisticsWriter.
func (s *statisticsJSON) Close(end StatisticsEnd) error {
	tail := "\n  ],\n"
	if s.rows == 0 {
		tail = "{\n  \"statistics\": [],\n"
	}
	message := []byte("null")
	if end.Message != "" {
		message, _ = json.Marshal(end.Message) // a string always encodes
	}
	next := ""
	if end.Next != "" {
		next = fmt.Sprintf(",\n  %q: %q", end.NextKey, end.Next)
	}
	_, err := fmt.Fprintf(s.w, "%s  \"status\": %q,\n  \"statusMessage\": %s,\n  \"farmId\": %q,\n  \"aggregationId\": %q%s\n}\n",
		tail, end.Status, message, end.FarmID, end.AggregationID, next)
	return err
}
