package rates_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/rates"
)

// TestMistakes parses each of testdata/mistakes/*.toml, in which a comment
// "# want: key: part of the sentence" stands on the line of each problem.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/mistakes/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			checkMistakes(t, text)
		})
	}
}

func lineName(line int, key string) string {
	name := fmt.Sprintf("card.toml:%d", line)
	if key != "" {
		name += ": " + key
	}
	return name
}

func checkMistakes(t *testing.T, text []byte) {
	_, err := rates.Parse("card.toml", text)
	e, ok := errors.AsType[*farmtally.Error](err)
	if !ok || e.Kind != farmtally.Invalid {
		t.Fatalf("error %v, want one of Kind Invalid", err)
	}
	found := e.Fields
	for i, line := range strings.Split(string(text), "\n") {
		_, wants, _ := strings.Cut(line, "# want: ")
		for want := range strings.SplitSeq(wants, " # want: ") {
			if want == "" {
				continue
			}
			if len(found) == 0 {
				t.Errorf("line %d: no problem, want %s", i+1, want)
				continue
			}
			got := found[0].Name + ": " + found[0].Message
			key, part, _ := strings.Cut(want, ": ")
			if place := lineName(i+1, key) + ": "; !strings.HasPrefix(got, place) || !strings.Contains(got, part) {
				t.Errorf("got  %s\nwant %s…%s", got, place, part)
			}
			found = found[1:]
		}
	}
	for _, f := range found {
		t.Errorf("unexpected: %s: %s", f.Name, f.Message)
	}
}

func TestParseReadsEveryKey(t *testing.T) {
	card, err := rates.Parse("card.toml", []byte(`# a comment
[[rate]]
id = "all" # another
usageType = "LICENSE"
fleet = "gpu farm"
instanceType = 'g6.xlarge'
licenseProduct = "houdini"
usdPerHour = "0.123456789000"
per = "Seat"
validFrom = 2026-01-01 00:00:00+01:00
validUntil = "2027-01-01t00:00:00.5z"

[[ rate ]]
"id" = "defaults"
usageType = "COMPUTE"
usdPerHour = "0"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []rates.Row{
		{ID: "all", UsageType: farmtally.License, Fleet: "gpu farm", InstanceType: "g6.xlarge", LicenseProduct: "houdini",
			USDPerHour: 123_456_789, Per: farmtally.PerSeat, ValidFrom: 1_767_222_000_000, ValidUntil: 1_798_761_600_500, Line: 2},
		{ID: "defaults", UsageType: farmtally.Compute, Per: farmtally.PerWorker, Line: 13},
	}
	rows := card.Rows()
	if len(rows) != len(want) {
		t.Fatalf("%d rows", len(rows))
	}
	for i := range want {
		if rows[i] != want[i] {
			t.Errorf("row %d:\n%+v, want\n%+v", i, rows[i], want[i])
		}
	}
}

func TestParseBounds(t *testing.T) {
	if card, err := rates.Parse("empty.toml", nil); err != nil || len(card.Rows()) != 0 {
		t.Errorf("an empty card: %v, %v", card, err)
	}
	if _, err := rates.Parse("huge.toml", make([]byte, 16<<20+1)); farmtally.KindOf(err) != farmtally.Invalid ||
		!strings.Contains(err.Error(), "huge.toml") {
		t.Errorf("a huge card: %v", err)
	}
	many := strings.Repeat("[[rate]]\nid = \"x\"\n", 20_000)
	_, err := rates.Parse("many.toml", []byte(many))
	if e, ok := errors.AsType[*farmtally.Error](err); !ok || len(e.Fields) != 3*20_000-1 {
		t.Errorf("20,000 rows with 2 or 3 problems each: %.200v", err)
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/mistakes/*.toml")
	for _, file := range append(files, "../examples/rates.toml") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		card, err := rates.Parse("fuzz.toml", text)
		if err != nil {
			if e, ok := errors.AsType[*farmtally.Error](err); !ok || e.Kind != farmtally.Invalid || len(e.Fields) == 0 || card != nil {
				t.Fatalf("card %v, error %#v", card, err)
			}
			return
		}
		ids := map[string]bool{}
		for _, row := range card.Rows() {
			if row.ID == "" || row.ID == farmtally.Unpriced || ids[row.ID] || row.UsageType == 0 || row.Per == 0 ||
				row.USDPerHour < 0 || row.ValidUntil != 0 && row.ValidUntil <= row.ValidFrom || row.Line < 1 {
				t.Fatalf("row %+v", row)
			}
			ids[row.ID] = true
			r := farmtally.Record{UsageType: row.UsageType, FleetID: farmtally.FleetID(row.Fleet),
				InstanceType: row.InstanceType, LicenseProduct: row.LicenseProduct, StartedAt: row.ValidFrom}
			if card.Price(&r, ""); r.Rate.ID == farmtally.Unpriced {
				t.Fatalf("no row prices the record that row %+v was made for", row)
			}
		}
	})
}
