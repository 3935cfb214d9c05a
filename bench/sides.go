package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/farmtally/farmtally"
)

// side is one of those that are measured.
type side interface {
	name() string
	statements(q *farmtally.Query) []statement
	time(ctx context.Context, q *question, text string) (time.Duration, error)
	rows(ctx context.Context, q *question, text string) ([]string, error)
	close() error
}

// open opens all sides on the run's data, farmtally first.
func (b *bench) open(ctx context.Context) (sides []side, err error) {
	return openSides(ctx, b.ourFolder(), b.dir, b.dir, b.peers)
}

func openSides(ctx context.Context, ourDir, duckDir, clickDir string, peers bool) (sides []side, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(sides))
			sides = nil
		}
	}()
	o, err := openOurs(ctx, ourDir)
	if err != nil {
		return nil, err
	}
	sides = append(sides, o)
	if !peers {
		return sides, nil
	}
	d, err := openDuck(duckDir)
	if err != nil {
		return sides, err
	}
	sides = append(sides, d)
	c, err := openClick(ctx, clickDir)
	if err != nil {
		return sides, err
	}
	return append(sides, c), nil
}

func closeAll(sides []side) (err error) {
	for _, s := range sides {
		err = errors.Join(err, s.close())
	}
	return err
}

// checkAnswers compares all sides' answers to all questions, and measures nothing.
func (b *bench) checkAnswers(ctx context.Context) (err error) {
	sides, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll(sides)) }()
	if err := compareRandom(ctx, sides, randomQuestions(b.random, seed)); err != nil {
		return err
	}
	for i := range b.asked {
		q := &b.asked[i]
		want, err := sides[0].rows(ctx, q, "")
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		forms := 0
		for _, s := range sides[1:] {
			for _, form := range s.statements(&q.Query) {
				if err := check(ctx, s, q, form, want); err != nil {
					return fmt.Errorf("%s: %w", q.name, err)
				}
				forms++
			}
		}
		note("%s: the answers of %d statements are equal, %d rows", q.name, forms, len(want))
	}
	return nil
}

// check fails where a side's statement gives other rows than those wanted.
func check(ctx context.Context, s side, q *question, form statement, want []string) error {
	got, err := s.rows(ctx, q, form.sql)
	if err == nil {
		err = same(want, got, s.name())
	}
	if err != nil {
		return fmt.Errorf("%s:\n%s\n%w", form.name, form.sql, err)
	}
	return nil
}
