package ingest

import (
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/farmtally/farmtally"
)

// part is some rows of a batch that follow one another. Those with a table are all
// plainly right; the table is of the rows that batchRowReader would make of them, save
// that a cost and a rate are yet to be given to some.
type part struct {
	from, to int
	table    *farmtally.Table
	rows     []int32 // in place of from and to: of a batch of several farms
	prices   openPrices
}

// openPrices are what is needed to price a part's rows.
type openPrices struct {
	open       []bool          // the rows without a cost of their own; nil: none
	fleetNames farmtally.Coded // the names that stand beside the fleets' ids
	fleets     []string        // the names that the fleets' ids were made of, by their code; nil: none
}

// leastTable is how many rows a table is worth the while for, beside one for every
// eighth value of its dictionaries.
const leastTable = 256

// maxFarms bounds the farms of which tabler remembers names and ids.
const maxFarms = 64

// tabler makes tables of batches: it looks at a column at a time, and at each distinct
// text once. It is for one goroutine.
type tabler struct {
	source columnSource
	schema schema
	farms  map[string]*fastColumns
}

func (c columnSource) tabler() *tabler {
	return &tabler{source: c, schema: newSchema(c.farm, c.kind), farms: map[string]*fastColumns{}}
}

func (t *tabler) least() int {
	if t.source.least > 0 {
		return t.source.least
	}
	return leastTable
}

// convert gives the batch its parts.
func (t *tabler) convert(b *batch) {
	if b.err = t.source.scale(b); b.err != nil {
		return
	}
	b.parts = []part{{to: b.rows}}
	ids := idTexts(b.columns[recordID])
	if t.source.slow || ids == nil || b.rows < t.least() {
		return
	}
	farms, ok := t.rowFarms(b)
	switch {
	case !ok:
	case len(farms) == 1:
		b.parts = t.parts(b, ids, farms[0])
	case len(farms) <= maxFarms:
		if parts := t.split(b, farms); parts != nil {
			b.parts = parts
		}
	}
}

// idTexts are the texts of a column of record ids, or nil.
func idTexts(v *vector) *farmtally.Texts {
	switch {
	case v == nil:
		return nil
	case v.ids != nil:
		return v.ids
	}
	made := newIDBuilder(len(v.codes) + len(v.numbers))
	switch {
	case v.kind == ofTexts:
		for i, code := range v.codes {
			made.add(i, bytesOf(v.texts[code]))
		}
	case v.kind == ofNumbers && v.digits == 0:
		var text []byte
		for i, n := range v.numbers {
			if v.null == nil || !v.null[i] {
				text = strconv.AppendInt(text[:0], n, 10)
				made.add(i, text)
			}
		}
		made.skip(len(v.numbers))
	default:
		return nil
	}
	return &made.Texts
}

// rowFarm is a farm of a batch, and the code of its text; −1 where all rows have it.
type rowFarm struct {
	code  int
	texts *fastColumns
}

// rowFarms gives the farms of the batch's rows.
func (t *tabler) rowFarms(b *batch) (farms []rowFarm, ok bool) {
	v := b.columns[farmID]
	if v == nil {
		texts := t.farm(t.schema.defaultFarm)
		return []rowFarm{{-1, texts}}, texts != nil
	}
	if v.kind != ofTexts || v.ids != nil {
		return nil, false
	}
	seen := make([]bool, len(v.texts))
	for _, code := range v.codes {
		seen[code] = true
	}
	for code, is := range seen {
		if !is {
			continue
		}
		text := v.texts[code]
		if code == 0 {
			text = t.schema.defaultFarm
		}
		if texts := t.farm(text); texts != nil {
			farms = append(farms, rowFarm{code, texts})
		} else {
			return nil, false
		}
	}
	return farms, len(farms) > 0
}

// farm gives what is known of a farm's texts; nil where the farm's is at fault.
func (t *tabler) farm(text string) *fastColumns {
	if text == "" {
		return nil
	}
	f := t.farms[text]
	if f == nil {
		if len(t.farms) == maxFarms {
			clear(t.farms)
		}
		f = &fastColumns{schema: &t.schema}
		if !f.begin(text) {
			return nil
		}
		t.farms[text] = f
	}
	return f
}

// split makes a batch of each farm's rows, and tables of these; nil where some rows of
// it are odd, whose order among the others' then counts.
func (t *tabler) split(b *batch, farms []rowFarm) (parts []part) {
	for _, farm := range farms {
		var rows []int32
		for i, code := range b.columns[farmID].codes {
			if int(code) == farm.code {
				rows = append(rows, int32(i))
			}
		}
		some := b.pick(rows)
		of := t.parts(some, idTexts(some.columns[recordID]), farm)
		if len(of) != 1 || of[0].table == nil {
			return nil
		}
		of[0].rows = rows
		parts = append(parts, of[0])
	}
	return parts
}

// pick makes a batch of some rows.
func (b *batch) pick(rows []int32) *batch {
	some := &batch{rows: len(rows)}
	for field, v := range b.columns {
		if v == nil {
			continue
		}
		picked := *v
		picked.codes, picked.numbers = pick(v.codes, rows), pick(v.numbers, rows)
		picked.floats, picked.null = pick(v.floats, rows), pick(v.null, rows)
		if v.ids != nil {
			made := newIDBuilder(len(rows))
			for i, row := range rows {
				made.add(i, v.ids.At(int(row)))
			}
			picked.ids = &made.Texts
		}
		some.columns[field] = &picked
	}
	return some
}

func pick[T any](values []T, rows []int32) []T {
	if values == nil {
		return nil
	}
	out := make([]T, len(rows))
	for i, row := range rows {
		out[i] = values[row]
	}
	return out
}

// parts makes tables of the batch's rows, all of one farm, between those that are odd.
func (t *tabler) parts(b *batch, ids *farmtally.Texts, farm rowFarm) []part {
	w := whole{batch: b, farm: farm.texts, odd: make([]bool, b.rows)}
	w.table.RecordIDs = *ids
	w.texts()
	w.ids()
	w.times()
	w.amounts()
	w.rules()
	least := t.least()
	for _, c := range []*farmtally.Coded{&w.table.Queues, &w.table.Fleets, &w.table.Jobs, &w.table.Users} {
		least = max(least, len(c.Values)/8)
	}
	var parts []part
	for from := 0; from < b.rows; {
		to := from
		for to < b.rows && !w.odd[to] {
			to++
		}
		if to-from >= least || to-from == b.rows {
			parts = append(parts, w.part(from, to))
			from = to
		}
		for to < b.rows && w.odd[to] {
			to++
		}
		if n := len(parts) - 1; n >= 0 && parts[n].table == nil && parts[n].to == from {
			parts[n].to = to
		} else if to > from {
			parts = append(parts, part{from: from, to: to})
		}
		from = to
	}
	return parts
}

// whole is a batch of one farm while tables are made of it.
type whole struct {
	batch *batch
	farm  *fastColumns
	table farmtally.Table // of all rows, also of odd ones, whose values mean nothing
	odd   []bool          // not plainly right
	open  []bool          // without a cost of their own; nil: none

	names [fieldCount]farmtally.Coded // of the columns of names
}

func (w *whole) oddAll() {
	for i := range w.odd {
		w.odd[i] = true
	}
}

// coded looks at a column of texts, and gives what they come to.
func (w *whole) coded(field int) farmtally.Coded {
	v := w.batch.columns[field]
	if v == nil {
		return farmtally.Coded{}
	}
	if v.kind != ofTexts || v.ids != nil {
		w.oddAll()
		return farmtally.Coded{}
	}
	c := farmtally.Coded{Codes: v.codes, Values: make([]string, len(v.texts))}
	looked := make([]int8, len(v.texts))
	for i, code := range v.codes {
		if looked[code] == 0 {
			t := w.farm.text(field, v, i)
			looked[code] = t.state
			c.Values[code] = t.id
			if field == usageType {
				c.Values[code] = t.kind.String()
			}
			if t.name != "" {
				if c.Names == nil {
					c.Names = make([]string, len(v.texts))
				}
				c.Names[code] = t.name
			}
		}
		if looked[code] < 0 {
			w.odd[i] = true
		}
	}
	return c
}

func (w *whole) texts() {
	t := &w.table
	t.FarmID, t.FarmName = w.farm.farm.id, w.farm.farm.name
	if names := w.coded(farmName); len(names.Codes) > 0 {
		for _, code := range names.Codes {
			if code != names.Codes[0] {
				w.oddAll() // which of them comes first, and which last, is left to the rows
				break
			}
		}
		t.FarmName = or(names.At(0), t.FarmName)
	}
	t.Queues, t.Fleets, t.Jobs = w.coded(queueID), w.coded(fleetID), w.coded(jobID)
	for _, field := range [...]int{queueName, fleetName, jobName} {
		w.names[field] = w.coded(field)
	}
	t.Users, t.UsageTypes = w.coded(userID), w.coded(usageType)
	t.InstanceTypes, t.LicenseProducts = w.coded(instanceType), w.coded(licenseProduct)
}

// ids looks at the record ids.
func (w *whole) ids() {
	ids := &w.table.RecordIDs
	valid := utf8.Valid(ids.Bytes)
	from := ids.From
	for i, end := range ids.Ends {
		text := valid && isRuneStart(ids.Bytes, from) && isRuneStart(ids.Bytes, end) || utf8.Valid(ids.Bytes[from:end])
		if end == from || end-from > 128 || !text {
			w.odd[i] = true
		}
		from = end
	}
}

func isRuneStart(b []byte, at uint32) bool { return int(at) == len(b) || utf8.RuneStart(b[at]) }

// numbers gives a column as counts of 10^-digits, and marks the rows for which it can't.
func (w *whole) numbers(field int, kind vectorKind, digits int, cut bool) (values []int64, null []bool) {
	v := w.batch.columns[field]
	if v == nil {
		return nil, nil
	}
	if v.kind == ofFloats && kind == ofNumbers {
		return w.floats(v, digits), v.null
	}
	by := digits - v.digits
	if v.kind != kind || v.digits < 0 || v.digits > 9 || by < 0 && !cut {
		w.oddAll()
		return nil, nil
	}
	values = v.numbers
	if by != 0 {
		values = make([]int64, len(v.numbers))
	}
	top := int64(math.MaxInt64)
	if by > 0 {
		top = math.MaxInt64 / powersOfTen[by]
	}
	for i, n := range v.numbers {
		if n < 0 || n > top {
			w.odd[i] = true
			continue
		}
		switch {
		case by > 0:
			values[i] = n * powersOfTen[by]
		case by < 0:
			values[i] = n / powersOfTen[-by]
		}
	}
	return values, v.null
}

// floats gives binary floating point as counts of 10^-digits.
func (w *whole) floats(v *vector, digits int) []int64 {
	values := make([]int64, len(v.floats))
	for i, f := range v.floats {
		n, ok := shortDecimal(f, digits)
		if values[i] = n; !ok && (v.null == nil || !v.null[i]) {
			w.odd[i] = true
		}
	}
	return values
}

// shortDecimal gives a number's shortest decimal as a count of 10^-digits, where it has
// no finer digits and at most 15 in all: no other decimal of so few is read as the same
// number, and the division of two whole numbers that are exact is the nearest to theirs.
func shortDecimal(f float64, digits int) (int64, bool) {
	unit := float64(powersOfTen[digits])
	n := math.Round(f * unit)
	if !(n >= 0 && n < 1e15) || n/unit != f {
		return 0, false
	}
	return int64(n), true
}

// times looks at the instants and the runtime.
func (w *whole) times() {
	starts, startNull := w.numbers(startedAt, ofInstants, 3, true)
	ends, endNull := w.numbers(endedAt, ofInstants, 3, true)
	runtimes, runtimeNull := w.numbers(runtimeInSeconds, ofNumbers, 3, true)
	if starts == nil || ends == nil {
		w.oddAll()
		starts, ends = make([]int64, w.batch.rows), make([]int64, w.batch.rows)
	}
	if runtimes == nil || runtimeNull != nil {
		runtimes = append(make([]int64, 0, w.batch.rows), runtimes...)[:w.batch.rows]
	}
	for i, start := range starts {
		wall := ends[i] - start
		switch {
		case w.batch.columns[runtimeInSeconds] == nil || runtimeNull != nil && runtimeNull[i]:
			runtimes[i] = wall
		case runtimes[i] > wall:
			w.odd[i] = true
		}
		if start > lastInstant || ends[i] > lastInstant || wall < 0 ||
			startNull != nil && startNull[i] || endNull != nil && endNull[i] {
			w.odd[i] = true
		}
	}
	w.table.StartedAt, w.table.EndedAt, w.table.RuntimeMillis = starts, ends, runtimes
}

// amounts looks at the quantities and the cost.
func (w *whole) amounts() {
	t := &w.table
	for field, to := range map[int]*[]int64{workers: &t.Workers, cpus: &t.CPUs, gpus: &t.GPUs, memoryInGiB: &t.MemoryInGiB} {
		values, null := w.numbers(field, ofNumbers, 9, false)
		absent := int64(0)
		if field == workers {
			absent = int64(farmtally.One)
			if values == nil {
				values = make([]int64, w.batch.rows)
				for i := range values {
					values[i] = absent
				}
			}
		}
		for i, n := range values {
			if n > 1_000_000_000*int64(farmtally.One) {
				w.odd[i] = true
			}
			if absent != 0 && null != nil && null[i] {
				values[i] = absent
			}
		}
		*to = values
	}
	costs, null := w.numbers(costInUSD, ofNumbers, 9, false)
	rates := w.coded(fieldCount)
	if costs == nil {
		costs = make([]int64, w.batch.rows)
		null = make([]bool, w.batch.rows)
		for i := range null {
			null[i] = true
		}
	}
	if rates.Codes != nil {
		open := make([]bool, w.batch.rows)
		some := false
		for i := range open {
			open[i] = null != nil && null[i] || rates.At(i) != ""
			some = some || open[i]
		}
		if null = nil; some {
			null = open
		}
	}
	w.open = null
	if null != nil { // they are written over
		costs = append([]int64(nil), costs...)
	}
	t.Cost = costs
}

// rules looks at the rules between fields, as plain does.
func (w *whole) rules() {
	t := &w.table
	for i := range w.odd {
		if t.Queues.At(i) == "" && t.Fleets.At(i) == "" {
			w.odd[i] = true
		}
		if t.UsageTypes.Codes == nil || (t.UsageTypes.At(i) == licenseText) != (t.LicenseProducts.At(i) != "") {
			w.odd[i] = true
		}
	}
}

var licenseText = farmtally.License.String()

// part makes the table of rows none of which is odd.
func (w *whole) part(from, to int) part {
	t := w.table.Slice(from, to)
	for field, ids := range map[int]*farmtally.Coded{queueName: &t.Queues, fleetName: &t.Fleets, jobName: &t.Jobs} {
		ids.Names = w.latestNames(ids, field, from, to)
	}
	p := part{from: from, to: to, table: &t}
	if w.open != nil {
		p.prices.open = w.open[from:to]
		p.prices.fleetNames, p.prices.fleets = w.names[fleetName], w.table.Fleets.Names
		if p.prices.fleetNames.Codes != nil {
			p.prices.fleetNames.Codes = p.prices.fleetNames.Codes[from:to]
		}
	}
	return p
}

// latestNames gives, by the code of an id, the name that the last row with the id has
// that has one: the name beside the id, or else that of which the id was made.
func (w *whole) latestNames(ids *farmtally.Coded, field, from, to int) []string {
	beside := w.names[field]
	if beside.Codes == nil || ids.Codes == nil {
		return ids.Names
	}
	const own = math.MaxUint32
	latest := make([]uint32, len(ids.Values)) // a code of a name, own, or 0
	for i, code := range beside.Codes[from:to] {
		id := ids.Codes[i]
		switch {
		case code != 0:
			latest[id] = code
		case ids.Names != nil && ids.Names[id] != "":
			latest[id] = own
		}
	}
	names := make([]string, len(ids.Values))
	for id, code := range latest {
		switch code {
		case 0:
		case own:
			names[id] = ids.Names[id]
		default:
			names[id] = beside.Values[code]
		}
	}
	return names
}
