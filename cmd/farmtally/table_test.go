package main

import (
	"strings"
	"testing"
)

func TestTableAlignsAndDisarms(t *testing.T) {
	tab := &table{columns: []column{{title: "NAME"}, {"COST", true}}, footer: []string{"total", "1,234.5"}}
	tab.add("größe", "1.5")
	tab.add("レンダー", "1,233")
	tab.add("\x1b[2Jevil\u202e", "0")
	var b strings.Builder
	if err := tab.print(&b); err != nil {
		t.Fatal(err)
	}
	const want = "NAME          COST\n" +
		"größe          1.5\n" +
		"レンダー     1,233\n" +
		"\ufffd[2Jevil\ufffd        0\n" +
		"---------  -------\n" +
		"total      1,234.5\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestThousands(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "999": "999", "1000": "1,000", "11767.9883": "11,767.9883", "1234567": "1,234,567", "-1000": "-1,000", "-100": "-100",
	} {
		if got := thousands(in); got != want {
			t.Errorf("%s prints as %s, want %s", in, got, want)
		}
	}
}
