package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/farmtally/farmtally"
)

// pagesResult is how fast the pages of Q5's answer are.
type pagesResult struct {
	Pages     int   `json:"pages"`
	Seconds   times `json:"seconds"` // for Requests of any page
	ServerCPU times `json:"serverCpu"`
	Requests  int   `json:"requests"`
	First     times `json:"first"` // brief, of one page alone
	Last      times `json:"last"`  // of the last full page
}

const (
	pageRows     = 100
	pageRequests = 30_000 // of a round
	pageRounds   = 3
	endRequests  = 500 // for the first page, and for the last
	aggregations = "/2023-10-12/farms/%s/sessions-statistics-aggregation"
)

// measurePages asks a server on a copy of the data for Q5, and reads the answer's pages.
func (b *bench) measurePages(ctx context.Context) error {
	return b.scratch("pages", func(dir string) error {
		folder := filepath.Join(dir, "farmtally")
		if err := copyFolder(b.ourFolder(), folder); err != nil {
			return err
		}
		return b.serve(ctx, folder, func(s *server) error { return b.readPages(ctx, dir, s) })
	})
}

func (b *bench) readPages(ctx context.Context, dir string, s *server) error {
	c, err := dial(ctx, s.address)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // everything was read
	all := questions()
	id, err := start(ctx, s, c, &all[len(all)-1].Query)
	if err != nil {
		return err
	}
	targets, err := readThrough(ctx, s, c, fmt.Sprintf(aggregations, farm())+"?aggregationId="+id)
	if err != nil {
		return err
	}
	r := pagesResult{Pages: len(targets), Requests: pageRequests}
	full := targets[:max(len(targets)-1, 1)] // the last may have fewer rows
	for range min(b.rounds, pageRounds) {
		requests, err := anyPages(ctx, s, full)
		if err != nil {
			return err
		}
		used := s.cpu()
		took, err := sendAll(ctx, dir, s, requests, `"count":`)
		if err != nil {
			return err
		}
		r.Seconds.add(took)
		r.ServerCPU.add(s.cpu() - used)
	}
	for range endRequests {
		for at, to := range map[int]*times{0: &r.First, len(full) - 1: &r.Last} {
			wire, err := s.request(ctx, http.MethodGet, full[at], nil)
			if err != nil {
				return err
			}
			begun := time.Now()
			if _, err := c.exchange(wire); err != nil {
				return err
			}
			to.add(time.Since(begun))
		}
	}
	r.First, r.Last = r.First.brief(), r.Last.brief()
	b.results.Pages = &r
	return nil
}

// anyPages gives the requests of a round, each target as often as the others, in any order.
func anyPages(ctx context.Context, s *server, targets []string) ([][]byte, error) {
	requests := make([][]byte, pageRequests)
	for i := range requests {
		if i >= len(targets) {
			requests[i] = requests[i-len(targets)]
			continue
		}
		var err error
		if requests[i], err = s.request(ctx, http.MethodGet, targets[i], nil); err != nil {
			return nil, err
		}
	}
	rand.Shuffle(len(requests), func(i, j int) { requests[i], requests[j] = requests[j], requests[i] }) //nolint:gosec // no secret
	return requests, nil
}

// start starts the aggregation of a question, and waits for its end.
func start(ctx context.Context, s *server, c *connection, q *farmtally.Query) (id string, err error) {
	group, statistics := []string{}, []string{}
	for _, d := range q.GroupBy {
		group = append(group, d.String())
	}
	for _, t := range q.Statistics {
		statistics = append(statistics, t.String())
	}
	body, err := json.Marshal(map[string]any{
		"resourceIds": map[string]any{"fleetIds": q.FleetIDs}, "period": q.Period.String(), "startTime": q.Start.String(),
		"endTime": q.End.String(), "groupBy": group, "statistics": statistics,
	})
	if err != nil {
		return "", err
	}
	path := fmt.Sprintf(aggregations, q.FarmID)
	text, err := s.ask(ctx, c, http.MethodPost, path, body)
	if err != nil {
		return "", err
	}
	var begun struct{ AggregationID string }
	if err := json.Unmarshal(text, &begun); err != nil {
		return "", fmt.Errorf("read answer: %w", err)
	}
	for {
		text, err := s.ask(ctx, c, http.MethodGet, path+"?aggregationId="+begun.AggregationID+"&maxResults=1", nil)
		var state struct{ Status, StatusMessage string }
		if err == nil {
			err = json.Unmarshal(text, &state)
		}
		switch {
		case err != nil:
			return "", err
		case state.Status == "COMPLETED":
			return begun.AggregationID, nil
		case state.Status != "IN_PROGRESS":
			return "", fmt.Errorf("the aggregation is %s: %s", state.Status, state.StatusMessage)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// readThrough reads every page once, counts its rows, and gives the targets of all.
func readThrough(ctx context.Context, s *server, c *connection, path string) (targets []string, err error) {
	targets = []string{path}
	for at := 0; at < len(targets); at++ {
		text, err := s.ask(ctx, c, http.MethodGet, targets[at], nil)
		if err != nil {
			return nil, err
		}
		_, rest, more := bytes.Cut(text, []byte(`"nextToken":"`))
		if n := bytes.Count(text, []byte(`"count":`)); more && n != pageRows || n == 0 {
			return nil, fmt.Errorf("page %d has %d rows", at+1, n)
		}
		if more {
			token, _, _ := bytes.Cut(rest, []byte(`"`))
			targets = append(targets, path+"&nextToken="+url.QueryEscape(string(token)))
		}
	}
	return targets, ctx.Err()
}
