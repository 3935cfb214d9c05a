package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// measured is what came of one question.
type measured struct {
	question *question
	rows     int
	sides    []timed // in the order of the sides
	roofline timed
	touched  int64 // bytes, of the roofline
	memory   int64 // bytes beside the mapped files
}

// timed is one side's times.
type timed struct {
	name, form string
	times      []time.Duration
}

func (t *timed) median() time.Duration {
	times := slices.Sorted(slices.Values(t.times))
	return times[len(times)/2]
}

// same fails where two answers, as sorted lines, are not the same rows.
func same(want, got []string, who string) error {
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			return fmt.Errorf("%s gives the row\n  %q\nwhere farmtally gives\n  %q", who, got[i], want[i])
		}
	}
	if len(want) != len(got) {
		return fmt.Errorf("%s gives %d rows, and farmtally %d", who, len(got), len(want))
	}
	return nil
}

// compareRandom sees that all sides give the same rows. The formulations take turns.
func compareRandom(ctx context.Context, sides []side, list []question) error {
	rows, empty := 0, 0
	for n := range list {
		q := &list[n]
		want, err := sides[0].rows(ctx, q, "")
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		for _, s := range sides[1:] {
			forms := s.statements(&q.Query)
			form := forms[n%len(forms)]
			got, err := s.rows(ctx, q, form.sql)
			if err == nil {
				err = same(want, got, s.name())
			}
			if err != nil {
				return fmt.Errorf("%s, %s:\n%s\n%w", q.name, form.name, form.sql, err)
			}
		}
		rows += len(want)
		if len(want) == 0 {
			empty++
		}
	}
	note("%d random questions: the answers are equal, %d rows (%d answers are empty)", len(list), rows, empty)
	return nil
}

// measure compares every formulation's rows, keeps each side's fastest, and times the
// sides in turn.
func measure(ctx context.Context, o *options, dir string, sides []side, q *question) (m *measured, err error) {
	m = &measured{question: q}
	want, err := sides[0].rows(ctx, q, "")
	if err != nil {
		return nil, err
	}
	m.rows = len(want)
	chosen := make([]statement, len(sides))
	for i, s := range sides {
		if chosen[i], err = fastest(ctx, s, q, want); err != nil {
			return nil, err
		}
		m.sides = append(m.sides, timed{name: s.name(), form: chosen[i].name})
	}
	note("%s: the answers are equal, %d rows", q.name, m.rows)
	want = nil
	roof, err := sides[0].(*ours).roofline(ctx, q)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, roof.close()) }()
	m.touched, m.roofline.name = roof.bytes(), "roofline"
	rounds := o.rounds
	if o.check {
		rounds = 1
	}
	for range rounds {
		for i, s := range sides {
			t, err := s.time(ctx, q, chosen[i].sql)
			if err != nil {
				return nil, err
			}
			m.sides[i].times = append(m.sides[i].times, t)
		}
		t, err := roof.time(ctx)
		if err != nil {
			return nil, err
		}
		m.roofline.times = append(m.roofline.times, t)
	}
	if !o.check {
		m.memory, err = memoryOf(ctx, o, dir, q)
	}
	return m, err
}

// fastest compares the rows of each of a side's formulations with those wanted, and
// gives the one that answers fastest, of two tries each.
func fastest(ctx context.Context, s side, q *question, want []string) (best statement, err error) {
	least := time.Duration(0)
	for _, form := range s.statements(&q.Query) {
		got, err := s.rows(ctx, q, form.sql)
		if err == nil {
			err = same(want, got, s.name())
		}
		if err != nil {
			return best, fmt.Errorf("%s:\n%s\n%w", form.name, form.sql, err)
		}
		for range 2 {
			t, err := s.time(ctx, q, form.sql)
			if err != nil {
				return best, err
			}
			if least == 0 || t < least {
				best, least = form, t
			}
		}
	}
	return best, nil
}
