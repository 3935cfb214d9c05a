package server_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestFirst(t *testing.T) {
	f := newFixture(t, nil)
	id := f.begin(nil)
	a := f.finished(id)
	t.Log(a.body)
	a = f.get(id, "&maxResults=2")
	t.Log(a.body)
	t.Log(f.log)
	if a.status != http.StatusOK || !strings.Contains(a.body, "COMPLETED") {
		t.Fatal(a)
	}
}
