package storage

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
)

// named is a record with names for its ids.
func named(queue, farmName, queueName, fleetName, jobName string) farmtally.Record {
	r := ended("r", 1)
	r.QueueID, r.FleetID, r.JobID = farmtally.QueueID(queue), "fleet", "job"
	r.FarmName, r.QueueName, r.FleetName, r.JobName = farmName, queueName, fleetName, jobName
	return r
}

func writeNames(t *testing.T, c *Catalog, records ...farmtally.Record) {
	t.Helper()
	var names Names
	for i := range records {
		names.Note(&records[i])
	}
	try(t, c.Write(context.Background(), func(tx *Tx) error { return tx.Name(context.Background(), &names) }))
}

// allNames prints every name of farm A.
func allNames(t *testing.T, c *Catalog) string {
	t.Helper()
	ctx := context.Background()
	farm, err := c.Farm(ctx, farmA)
	try(t, err)
	queues, err := c.Queues(ctx, farmA)
	try(t, err)
	fleets, err := c.Fleets(ctx, farmA)
	try(t, err)
	jobs, err := c.JobNames(ctx, farmA, []string{"job", "none"})
	try(t, err)
	text := farm.Name
	for _, q := range queues {
		text += fmt.Sprintf(" %s=%s", q.ID, q.Name)
	}
	for _, f := range fleets {
		text += fmt.Sprintf(" %s=%s", f.ID, f.Name)
	}
	return text + fmt.Sprint(" ", jobs)
}

// The latest name wins, within a load and from load to load; an empty one erases
// nothing.
func TestLatestNameWins(t *testing.T) {
	c := open(t, t.TempDir())
	for _, step := range []struct {
		records []farmtally.Record
		want    string
	}{
		{[]farmtally.Record{named("q", "", "", "", "")}, " q= fleet= map[]"},
		{[]farmtally.Record{named("q", "A", "Q", "F", "J")}, "A q=Q fleet=F map[job:J]"},
		{[]farmtally.Record{named("q", "", "", "", "")}, "A q=Q fleet=F map[job:J]"},
		{[]farmtally.Record{named("q", "A1", "Q1", "F1", "J1"), named("q", "A2", "Q2", "F2", "J2"), named("q", "", "", "", "")},
			"A2 q=Q2 fleet=F2 map[job:J2]"},
		{[]farmtally.Record{named("p", "", "Z", "", "")}, "A2 q=Q2 p=Z fleet=F2 map[job:J2]"},
	} {
		writeNames(t, c, step.records...)
		if got := allNames(t, c); got != step.want {
			t.Errorf("names %q, want %q", got, step.want)
		}
	}
}

// A farm, a queue and a fleet keep the moment at which they became known.
func TestFarms(t *testing.T) {
	ctx, now := context.Background(), time.UnixMilli(5000)
	c := openAt(t, t.TempDir(), func() time.Time { return now })
	writeNames(t, c, named("q", "", "", "", ""))
	now = time.UnixMilli(9000)
	other := named("q", "Apart", "other farm's", "", "")
	other.FarmID = farmB
	writeNames(t, c, named("q", "B", "Q", "", ""), other)
	farms, err := c.Farms(ctx)
	if err != nil || len(farms) != 2 || farms[0].ID != farmB || farms[1].ID != farmA || farms[1].CreatedAt != 5000 ||
		farms[0].CreatedAt != 9000 || farms[0].CostScale != farmtally.DefaultCostScale {
		t.Errorf("farms %+v, error %v", farms, err)
	}
	queues, err := c.Queues(ctx, farmA)
	if err != nil || len(queues) != 1 || queues[0] != (farmtally.Queue{FarmID: farmA, ID: "q", Name: "Q", CreatedAt: 5000}) {
		t.Errorf("queues %+v, error %v", queues, err)
	}
	fleets, err := c.Fleets(ctx, farmB)
	if err != nil || len(fleets) != 1 || fleets[0] != (farmtally.Fleet{FarmID: farmB, ID: "fleet", CreatedAt: 9000}) {
		t.Errorf("fleets %+v, error %v", fleets, err)
	}
	try(t, c.SetCostScale(ctx, farmA, 7))
	if farm, err := c.Farm(ctx, farmA); err != nil || farm.CostScale != 7 || farm.Name != "B" {
		t.Errorf("farm %+v, error %v", farm, err)
	}
	writeNames(t, c, named("q", "C", "", "", ""))
	if farm, err := c.Farm(ctx, farmA); err != nil || farm.CostScale != 7 || farm.Name != "C" {
		t.Errorf("farm %+v, error %v", farm, err)
	}
	_, err = c.Farm(ctx, "farm-unknown")
	wantKind(t, err, farmtally.NotFound)
	wantKind(t, c.SetCostScale(ctx, "farm-unknown", 7), farmtally.NotFound)
}

func TestManyJobNames(t *testing.T) {
	c := open(t, t.TempDir())
	var records []farmtally.Record
	var ids []string
	want := map[string]string{}
	for i := range 2500 {
		r := named("q", "", "", "", fmt.Sprint("name ", i))
		r.JobID = farmtally.JobID(fmt.Sprint("job'\"", i))
		records, ids, want[string(r.JobID)] = append(records, r), append(ids, string(r.JobID)), r.JobName
	}
	writeNames(t, c, records...)
	got, err := c.JobNames(context.Background(), farmA, ids)
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%d names of %d, error %v", len(got), len(want), err)
	}
	if got, err := c.JobNames(context.Background(), farmB, ids); err != nil || len(got) != 0 {
		t.Errorf("%d names in another farm, error %v", len(got), err)
	}
}

// A name that was asked for before is asked for again: it is the one of now, also where
// another process has changed it, and a job that had none has got one.
func TestRenamedJobs(t *testing.T) {
	dir := t.TempDir()
	c, other := open(t, dir), open(t, dir)
	job := func(id, name string) farmtally.Record {
		r := named("q", "", "", "", name)
		r.JobID = farmtally.JobID(id)
		return r
	}
	want := func(names map[string]string) {
		t.Helper()
		got, err := c.JobNames(context.Background(), farmA, []string{"a", "b"})
		if err != nil || !maps.Equal(got, names) {
			t.Errorf("%v, want %v; error %v", got, names, err)
		}
	}
	writeNames(t, other, job("a", "one"), job("b", ""))
	want(map[string]string{"a": "one"})
	writeNames(t, other, job("b", "first"))
	want(map[string]string{"a": "one", "b": "first"})
	for i := range 3 {
		name := fmt.Sprint("name ", i)
		writeNames(t, other, job("a", name))
		want(map[string]string{"a": name, "b": "first"})
		writeNames(t, c, job("a", name), job("c", "another"))
		want(map[string]string{"a": name, "b": "first"})
		name += " again"
		writeNames(t, c, job("a", name))
		want(map[string]string{"a": name, "b": "first"})
	}
	got, err := c.JobNames(context.Background(), farmA, []string{"c"})
	if err != nil || got["c"] != "another" {
		t.Errorf("%v, error %v", got, err)
	}
}

// The card of a farm: that of its id, else of its name, else the folder's.
func TestCards(t *testing.T) {
	ctx, now := context.Background(), time.UnixMilli(5000)
	c := openAt(t, t.TempDir(), func() time.Time { return now })
	want := func(id farmtally.FarmID, name, scope, text string) {
		t.Helper()
		card, err := c.Card(ctx, id, name)
		if err != nil || card.Scope != scope || string(card.Text) != text {
			t.Errorf("card %+v, error %v; want that of %q: %s", card, err, scope, text)
		}
	}
	_, err := c.Card(ctx, farmA, "studio")
	wantKind(t, err, farmtally.NotFound)
	try(t, c.SetCard(ctx, Card{Scope: "", File: "all.toml", Text: []byte("all")}))
	want(farmA, "studio", "", "all")
	want(farmA, "", "", "all")
	try(t, c.SetCard(ctx, Card{Scope: "studio", File: "studio.toml", Text: []byte("named")}))
	want(farmA, "studio", "studio", "named")
	want(farmB, "other", "", "all")
	writeNames(t, c, named("q", "studio", "", "", ""))
	want(farmA, "", "studio", "named") // by the name that is stored
	try(t, c.SetCard(ctx, Card{Scope: string(farmA), File: "id.toml", Text: []byte("id")}))
	want(farmA, "studio", string(farmA), "id")
	want(farmA, "", string(farmA), "id")
	want(farmB, "studio", "studio", "named")
	now = time.UnixMilli(9000)
	try(t, c.SetCard(ctx, Card{Scope: "studio", File: "new.toml", Text: []byte("new")}))
	want(farmB, "studio", "studio", "new")
	cards, err := c.Cards(ctx)
	if err != nil || len(cards) != 3 || cards[0].Scope != "" || cards[0].SetAt != 5000 || cards[2].File != "new.toml" || cards[2].SetAt != 9000 {
		t.Errorf("cards %+v, error %v", cards, err)
	}
}
