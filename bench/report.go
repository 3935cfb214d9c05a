package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// report prints the tables, and puts them into the files that the flags name.
func (b *bench) report(ctx context.Context) error {
	r := b.results
	if err := b.peerVersions(ctx); err != nil {
		return err
	}
	h := &history{Runs: []*results{r}}
	if b.history != "" {
		var err error
		if h, err = r.remember(b.history); err != nil {
			return err
		}
	}
	var run, sizes bytes.Buffer
	r.write(&run, h)
	h.write(&sizes)
	if _, err := os.Stdout.Write(append(run.Bytes(), sizes.Bytes()...)); err != nil || b.document == "" {
		return err
	}
	if shown := h.whole(); shown != nil {
		run.Reset()
		shown.write(&run, h)
		if err := replaceBetween(b.document, "measured", run.Bytes()); err != nil {
			return err
		}
	}
	return replaceBetween(b.document, "sizes", sizes.Bytes())
}

func (b *bench) peerVersions(ctx context.Context) (err error) {
	if !b.peers {
		return nil
	}
	sides, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll(sides)) }()
	m := &b.results.Machine
	if m.DuckDB, err = sides[1].(*duck).version(ctx); err != nil {
		return err
	}
	m.ClickHouse, err = sides[2].(*click).version(ctx)
	return err
}

// write prints the run's tables.
func (r *results) write(b *bytes.Buffer, h *history) {
	m := &r.Machine
	fmt.Fprintf(b, "%s records, %s UTC, commit %s; %s, %d cores, %d GiB, %d threads for each side; %s; %s", count(r.Records), m.Date, m.Commit,
		m.Processor, m.Cores, m.GiB, threads, m.Kernel, m.Go)
	if m.DuckDB != "" {
		fmt.Fprintf(b, "; DuckDB %s; ClickHouse %s", m.DuckDB, m.ClickHouse)
	}
	fmt.Fprintf(b, "; load averages at the start %s.\n\n", m.Load)
	fmt.Fprint(b, "| goal | | reached | |\n|---|---|---|---|\n")
	for _, g := range r.goals(h) {
		var texts []string
		for _, v := range g.reached {
			texts = append(texts, v.mark())
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", g.what, g.goal, strings.Join(texts, ", "), g.outcome())
	}
	r.writeQuestions(b)
	r.writeAgain(b)
	r.writeRest(b)
}

func (r *results) writeQuestions(b *bytes.Buffer) {
	if len(r.Questions) == 0 {
		return
	}
	fmt.Fprintf(b, "\nThe questions, answered from the records, in milliseconds: the median of %d, and in brackets the least and the most.\n\n", r.Rounds)
	heads := sideNames(r.Questions[0].Sides)
	fmt.Fprintf(b, "| | rows | %s | × the faster peer | roofline | GB read by it, at GB/s | × the roofline |\n|---|---|%s---|---|---|---|\n",
		strings.Join(heads, " | "), strings.Repeat("---|", len(heads)))
	for i := range r.Questions {
		q := &r.Questions[i]
		us, roof := q.Sides[0].Seconds.median(), q.Roofline.median()
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %.2f, %.0f | %.1f |\n", q.Name, count(int64(q.Rows)), sideTimes(q.Sides), timesOver(fasterPeer(q.Sides), us),
			q.Roofline.spread(), float64(q.RooflineBytes)/1e9, float64(q.RooflineBytes)/1e9/roof, us/roof)
	}
	if len(heads) == 1 {
		return
	}
	fmt.Fprint(b, "\nThe fastest of the [peers' formulations](performance-sql.md):\n\n")
	for i := range r.Questions {
		q := &r.Questions[i]
		fmt.Fprintf(b, "- %s:", q.Name)
		for _, s := range q.Sides[1:] {
			fmt.Fprintf(b, " %s %s;", s.Name, s.Form)
		}
		b.Truncate(b.Len() - 1)
		fmt.Fprintln(b)
	}
}

func (r *results) writeAgain(b *bytes.Buffer) {
	if len(r.Again) == 0 {
		return
	}
	fmt.Fprintf(b, "\nThe same questions again, in milliseconds: unchanged, and the first answer after each of %d imports of %s new records (1 %%), which begin where "+
		"the year's records end; the range is as long as before and ends where the new records end.\n\n", newImports, count(max(r.Records/newShare, 1)))
	heads := sideNames(r.Again[0].Sides)
	fmt.Fprintf(b, "| | rows | unchanged | %s | × the faster peer |\n|---|---|---|%s---|\n", strings.Join(heads, " | "), strings.Repeat("---|", len(heads)))
	for i := range r.Again {
		a := &r.Again[i]
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", a.Name, count(int64(a.Rows)), a.Unchanged.spread(), sideTimes(a.Sides),
			timesOver(fasterPeer(a.Sides), a.Sides[0].Seconds.median()))
	}
}

// writeRest prints what the goals' table has no room for.
func (r *results) writeRest(b *bytes.Buffer) {
	fmt.Fprintln(b)
	if p := r.Parquet; p != nil {
		fmt.Fprintf(b, "- Parquet import, seconds: farmtally %s, DuckDB %s.\n", p.Farmtally.spreadSeconds(), p.DuckDB.spreadSeconds())
	}
	if p := r.Push; p != nil {
		fmt.Fprintf(b, "- Pushing %s records, seconds: %s, of which the server's processor time %s; %d client processes with %d connections each share the machine.\n",
			count(p.Records), p.Seconds.spreadSeconds(), p.ServerCPU.spreadSeconds(), senders, connections)
	}
	if s := r.Single; s != nil {
		fmt.Fprintf(b, "- One record pushed, ms: p50 %.1f, p99 %.1f, most %.1f; 4 KiB appended to a file with fsync: p50 %.1f, p99 %.1f, most %.1f.\n",
			s.Push[medianOf]*1e3, s.Push[p99Of]*1e3, s.Push[mostOf]*1e3, s.Disk[medianOf]*1e3, s.Disk[p99Of]*1e3, s.Disk[mostOf]*1e3)
	}
	if p := r.Pages; p != nil {
		fmt.Fprintf(b, "- %s pages; %s requests in %s s, of which the server's processor time %s s; one page alone, ms: first p50 %.2f, p99 %.2f; last full one p50 %.2f, p99 %.2f.\n",
			count(int64(p.Pages)), count(int64(p.Requests)), p.Seconds.spreadSeconds(), p.ServerCPU.spreadSeconds(),
			p.First[medianOf]*1e3, p.First[p99Of]*1e3, p.Last[medianOf]*1e3, p.Last[p99Of]*1e3)
	}
}

// write prints what is known of each number of records.
func (h *history) write(b *bytes.Buffer) {
	fmt.Fprint(b, "| records | when, commit | import, records/s | bytes a record | opening, ms: files cached, not | memory, MiB | Q1 to Q5, ns a record | Q1 to Q5, ms | after 1 % new, ms |\n"+
		"|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range h.Runs {
		rate, size, opening := "", "", ""
		if r.ImportSeconds > 0 {
			rate, size = count(int64(float64(r.Records)/r.ImportSeconds)), fmt.Sprintf("%.1f", r.BytesEach)
		}
		if r.Opening != nil {
			opening = fmt.Sprintf("%.0f, %.0f", r.Opening.Warm.median()*1e3, r.Opening.Cold.median()*1e3)
		}
		var memory, each, all, again []string
		for _, m := range r.Memory {
			memory = append(memory, fmt.Sprint(m.Bytes>>20))
		}
		for _, q := range r.Questions {
			each = append(each, fmt.Sprintf("%.2f", q.Sides[0].Seconds.median()*1e9/float64(r.Records)))
			all = append(all, fmt.Sprintf("%.1f", q.Sides[0].Seconds.median()*1e3))
		}
		for _, a := range r.Again {
			again = append(again, fmt.Sprintf("%.1f", a.Sides[0].Seconds.median()*1e3))
		}
		row := []string{count(r.Records), r.Machine.Date + ", " + r.Machine.Commit, rate, size, opening}
		for _, list := range [][]string{memory, each, all, again} {
			row = append(row, strings.Join(list, ", "))
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
}

func sideNames(sides []sideResult) (names []string) {
	for _, s := range sides {
		names = append(names, s.Name)
	}
	return names
}

func sideTimes(sides []sideResult) string {
	var texts []string
	for _, s := range sides {
		texts = append(texts, s.Seconds.spread())
	}
	return strings.Join(texts, " | ")
}

// timesOver is how many times longer the peer takes; "–" without peers.
func timesOver(peer, us float64) string {
	if peer == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", peer/us)
}

// spread is the median, the least and the most, in milliseconds.
func (t times) spread() string {
	return fmt.Sprintf("%.2f (%.2f–%.2f)", t.median()*1e3, t.at(0)*1e3, t.at(1)*1e3)
}

func (t times) spreadSeconds() string {
	return fmt.Sprintf("%.2f (%.2f–%.2f)", t.median(), t.at(0), t.at(1))
}

// replaceBetween puts text between the marks of a file's generated part.
func replaceBetween(file, part string, text []byte) error {
	begin, end := fmt.Sprintf("<!-- %s: written by make bench -->", part), fmt.Sprintf("<!-- /%s -->", part)
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	head, rest, begun := bytes.Cut(data, []byte(begin))
	_, tail, ended := bytes.Cut(rest, []byte(end))
	if !begun || !ended {
		return fmt.Errorf("%s lacks the marks %s and %s", file, begin, end)
	}
	whole := bytes.Join([][]byte{head, []byte(begin + "\n\n"), text, []byte("\n" + end), tail}, nil)
	return os.WriteFile(file, whole, 0o644) //nolint:gosec // a document, for anyone to read
}
