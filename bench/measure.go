package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// same fails where two answers, as sorted lines, are not the same rows.
func same(want, got []string, who string) error {
	for i, row := range want[:min(len(want), len(got))] {
		if row != got[i] {
			return fmt.Errorf("%s gives the row\n  %q\nwhere farmtally gives\n  %q", who, got[i], row)
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
			if err := check(ctx, s, q, forms[n%len(forms)], want); err != nil {
				return fmt.Errorf("%s, %w", q.name, err)
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

// measureQuestions times all questions.
func (b *bench) measureQuestions(ctx context.Context) (err error) {
	sides, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll(sides)) }()
	if len(b.queries) == 0 && b.peers {
		if err := compareRandom(ctx, sides, randomQuestions(b.random, seed)); err != nil {
			return err
		}
	}
	for i := range b.asked {
		m, err := b.measureQuestion(ctx, sides, &b.asked[i])
		if err != nil {
			return fmt.Errorf("%s: %w", b.asked[i].name, err)
		}
		b.results.Questions = append(b.results.Questions, *m)
	}
	return nil
}

// measureQuestion compares every formulation's rows, keeps each side's fastest, and times
// the sides in turn.
func (b *bench) measureQuestion(ctx context.Context, sides []side, q *question) (m *questionResult, err error) {
	want, err := sides[0].rows(ctx, q, "")
	if err != nil {
		return nil, err
	}
	m = &questionResult{Name: q.name, Rows: len(want)}
	chosen := make([]statement, len(sides))
	for i, s := range sides {
		if chosen[i], err = fastest(ctx, s, q, want); err != nil {
			return nil, err
		}
		m.Sides = append(m.Sides, sideResult{Name: s.name(), Form: chosen[i].name})
	}
	note("%s: %d rows, equal on all of %d sides", q.name, m.Rows, len(sides))
	roof, err := sides[0].(*ours).roofline(ctx, q)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, roof.close()) }()
	m.RooflineBytes = roof.bytes()
	roof.time() // maps the pages
	for range b.rounds {
		for i, s := range sides {
			t, err := s.time(ctx, q, chosen[i].sql)
			if err != nil {
				return nil, err
			}
			m.Sides[i].Seconds.add(t)
		}
		m.Roofline.add(roof.time())
	}
	return m, nil
}

// tooSlow is how many times the fastest formulation so far another may take before it is
// not tried a second time.
const tooSlow = 2

// fastest compares the rows of each of a side's formulations with those wanted, and
// gives the one that answers fastest, of two tries each. farmtally, whose rows those are,
// has one alone.
func fastest(ctx context.Context, s side, q *question, want []string) (best statement, err error) {
	least := time.Duration(0)
	forms := s.statements(&q.Query)
	if len(forms) == 1 {
		return forms[0], nil
	}
	for _, form := range forms {
		if err := check(ctx, s, q, form, want); err != nil {
			return best, err
		}
		for range 2 {
			t, err := s.time(ctx, q, form.sql)
			if err != nil {
				return best, err
			}
			if least == 0 || t < least {
				best, least = form, t
			}
			if float64(t) > tooSlow*float64(least) {
				break
			}
		}
	}
	return best, nil
}
