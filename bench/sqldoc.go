package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// writeSQL writes the peers' statements of Q1 to Q5 as a document.
func writeSQL(file string) error {
	text := sqlDocument()
	if file == "-" {
		_, err := os.Stdout.Write(text)
		return err
	}
	return os.WriteFile(file, text, 0o644) //nolint:gosec // a document, for anyone to read
}

func sqlDocument() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# The peers' SQL

The statements that `+"`make bench`"+` (docs/performance.md) gives to DuckDB and ClickHouse: all
formulations that it tries, of which each peer's fastest counts. The harness writes this page
(`+"`go run . --sql ../docs/performance-sql.md`"+`), and a test sees that it is the harness's own.
Each of ClickHouse's is also tried with reads in smaller pieces, which lets two threads share
few rows (`+"`%s`"+`).

`, strings.TrimSpace(clickSQL.settings[1].text))
	b.WriteString("## The tables\n\nDuckDB:\n\n```sql" + fmt.Sprintf(duckLoad, "year.parquet", duckColumns) + ";\n```\n\n" +
		"ClickHouse, where an enumeration stands for the values of its column in the file:\n\n```sql\n")
	fmt.Fprintf(&b, clickTable, "Enum8(…)", "Enum8(…)", "Enum16(…)", "Enum8(…)", "Enum8(…)", "Enum8(…)")
	fmt.Fprintf(&b, ";\n%s;\n%s;\n```\n", strings.ReplaceAll(clickInsert, "FILE", "year.parquet"), clickMerge)
	for _, q := range questions() {
		fmt.Fprintf(&b, "\n## %s\n", q.name)
		for _, of := range []struct {
			name string
			*dialect
		}{{"DuckDB", &duckSQL}, {"ClickHouse", &clickSQL}} {
			for _, s := range of.statements(&q.Query) {
				if strings.HasSuffix(s.name, smallReads) {
					continue
				}
				fmt.Fprintf(&b, "\n%s, %s:\n\n```sql\n%s;\n```\n", of.name, s.name, s.sql)
			}
		}
	}
	return b.Bytes()
}
