package server

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// farmSketch is what there is to know of a farm before one asks about its usage.
type farmSketch struct {
	FarmID    string        `json:"farmId"`
	Name      string        `json:"name"`
	CostScale float64       `json:"costScaleFactor"`
	FirstAt   string        `json:"firstStart,omitempty"` // absent without records
	LastAt    string        `json:"lastEnd,omitempty"`
	Running   int64         `json:"running"`  // records that have not ended
	MayLabel  bool          `json:"mayLabel"` // whether the asker may set labels
	Queues    []namedThing  `json:"queues"`
	Fleets    []namedThing  `json:"fleets"`
	Labels    []labelledTag `json:"labels"`
}

type namedThing struct {
	ID   string `json:"id"`
	Name string `json:"name"` // "" where no source named it
}

// labelledTag is a label on the wire.
type labelledTag struct {
	Dimension string `json:"dimension"`
	Value     string `json:"value"`
	Label     string `json:"label"`
}

// describeFarms answers DescribeFarms: the farms that the key may read, by name.
func (s *Server) describeFarms(ctx context.Context, r *request) ([]byte, error) {
	farms, err := s.config.Catalog.Farms(ctx)
	if err != nil {
		return nil, wrapList("farms", err)
	}
	answer := struct {
		Farms []namedThing `json:"farms"`
	}{[]namedThing{}}
	for _, f := range farms {
		if r.key.MayRead(f.ID) {
			answer.Farms = append(answer.Farms, namedThing{string(f.ID), f.Name})
		}
	}
	slices.SortFunc(answer.Farms, compareNames)
	return deadline.Marshal(answer)
}

func compareNames(a, b namedThing) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// describeFarm answers DescribeFarm: a farm's queues, fleets and labels, and the time
// that its records cover.
func (s *Server) describeFarm(ctx context.Context, r *request) ([]byte, error) {
	r.checkFarm()
	if err := r.bad.exception(); err != nil {
		return nil, err
	}
	f, err := s.readable(ctx, r)
	if err != nil {
		return nil, err
	}
	sketch, err := s.sketch(ctx, f)
	if err != nil {
		return nil, err
	}
	sketch.MayLabel = r.key.MayLabel(f.ID)
	return deadline.Marshal(sketch)
}

func (s *Server) sketch(ctx context.Context, f farmtally.Farm) (*farmSketch, error) {
	extent, err := s.config.Catalog.Extent(ctx, f.ID)
	if err != nil {
		return nil, fmt.Errorf("read extent of farm: %w", err)
	}
	queues, fleets, err := s.resources(ctx, f.ID)
	if err != nil {
		return nil, err
	}
	labels, err := s.config.Catalog.Labels(ctx, f.ID)
	if err != nil {
		return nil, wrapList("labels", err)
	}
	sketch := &farmSketch{
		FarmID: string(f.ID), Name: f.Name,
		CostScale: f.CostScale.Float(),
		Running:   extent.Running, Queues: []namedThing{}, Fleets: []namedThing{}, Labels: []labelledTag{},
	}
	if !extent.Empty() {
		sketch.FirstAt, sketch.LastAt = extent.First.String(), extent.Last.String()
	}
	for _, q := range queues {
		sketch.Queues = append(sketch.Queues, namedThing{string(q.ID), q.Name})
	}
	for _, x := range fleets {
		sketch.Fleets = append(sketch.Fleets, namedThing{string(x.ID), x.Name})
	}
	for _, l := range labels {
		sketch.Labels = append(sketch.Labels, labelledTag{l.Dimension.String(), l.Value, l.Text})
	}
	slices.SortFunc(sketch.Queues, compareNames)
	slices.SortFunc(sketch.Fleets, compareNames)
	return sketch, nil
}

// setLabel answers SetLabel: what people call a value of a dimension.
func (s *Server) setLabel(ctx context.Context, r *request) ([]byte, error) {
	r.checkFarm()
	var body labelledTag
	if err := json.Unmarshal(r.body, &body); err != nil {
		return nil, malformed(deadline.CannotParse, "The body of the request must be a JSON object with dimension, value and label.")
	}
	label := farmtally.Label{FarmID: r.farm, Value: body.Value, Text: strings.TrimSpace(body.Label)}
	d, err := farmtally.ParseDimension(body.Dimension)
	if err != nil {
		r.bad.add("dimension", mustBe(err))
	}
	label.Dimension = d
	if n := utf8.RuneCountInString(label.Value); n < 1 || n > farmtally.MaxLabelled || !printable(label.Value) {
		r.bad.add("value", fmt.Sprintf("must be 1 to %d characters, none of them a control character", farmtally.MaxLabelled))
	}
	if utf8.RuneCountInString(label.Text) > farmtally.MaxLabel || !printable(label.Text) {
		r.bad.add("label", fmt.Sprintf("must have at most %d characters, none of them a control character", farmtally.MaxLabel))
	}
	if err := r.bad.exception(); err != nil {
		return nil, err
	}
	if !r.key.MayLabel(r.farm) {
		return nil, denied(r.farm)
	}
	if _, err := s.farm(ctx, r.farm); err != nil {
		return nil, err
	}
	if err := s.config.Catalog.SetLabel(ctx, label); err != nil {
		return nil, fmt.Errorf("set label: %w", err)
	}
	return deadline.Marshal(labelledTag{body.Dimension, label.Value, label.Text})
}

// printable reports whether a text is UTF-8 without control characters.
func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}
