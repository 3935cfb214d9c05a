package ingest

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/farmtally/farmtally"
)

// allocation is what AllocTRES says that a job held, such as
// "billing=12,cpu=12,gres/gpu:a100=2,gres/gpu=2,license/nuke=1,mem=31000M,node=1".
type allocation struct {
	nodes, cpus, memory farmtally.Quantity
	gpus, typedGPUs     farmtally.Quantity // the same ones, in all and by type

	hasNodes, hasCPUs, hasGPUs bool // whether the text says how many, in all

	licenses []license
}

type license struct {
	product string
	seats   farmtally.Quantity
}

// parse reads the text of the column. Resources that it does not know are left out.
func (a *allocation) parse(text string) error {
	*a = allocation{licenses: a.licenses[:0]}
	for text != "" {
		var entry string
		entry, text, _ = strings.Cut(text, ",")
		name, value, ok := strings.Cut(entry, "=")
		if !ok {
			return fmt.Errorf("must be a list such as cpu=8,mem=16G,node=1; %s is no part of one", quoted(entry))
		}
		if err := a.add(name, value); err != nil {
			return fmt.Errorf("%s: %s is %w", quotedName(name), quoted(value), err)
		}
	}
	return nil
}

func (a *allocation) add(name, value string) error {
	var to *farmtally.Quantity
	read := farmtally.ParseQuantity
	switch {
	case name == "node":
		to, a.hasNodes = &a.nodes, true
	case name == "cpu":
		to, a.hasCPUs = &a.cpus, true
	case name == "gres/gpu":
		to, a.hasGPUs = &a.gpus, true
	case name == "mem":
		to, read = &a.memory, parseMemory
	case strings.HasPrefix(name, "gres/gpu:"):
		to = &a.typedGPUs
	case strings.HasPrefix(name, "license/"):
		to = a.seats(name[len("license/"):])
	default:
		return nil
	}
	q, err := read(value)
	*to = sum(*to, q)
	return err
}

func (a *allocation) seats(product string) *farmtally.Quantity {
	for i := range a.licenses {
		if a.licenses[i].product == product {
			return &a.licenses[i].seats
		}
	}
	a.licenses = append(a.licenses, license{product: product})
	return &a.licenses[len(a.licenses)-1].seats
}

// sum adds what can't be more than a few billions without passing for little.
func sum(a, b farmtally.Quantity) farmtally.Quantity {
	return min(a+b, math.MaxInt64/2)
}

// allocation fills in what the job held: from AllocTRES, and what is not in there
// from the counts of nodes and cpus.
func (s *sacctLog) allocation(r *farmtally.Record) {
	a := &s.allocated
	if err := a.parse(s.cell(colAllocTRES)); err != nil {
		s.row.fault(columnNames[colAllocTRES], "%s", err)
		return
	}
	r.Workers, r.CPUs, r.MemoryInGiB, r.GPUs = a.nodes, a.cpus, a.memory, a.gpus
	if !a.hasNodes {
		r.Workers = s.count(colNNodes, farmtally.One)
	}
	if !a.hasCPUs {
		r.CPUs = s.count(colNCPUS, 0)
	}
	if !a.hasGPUs {
		r.GPUs = a.typedGPUs
	}
}

func (s *sacctLog) count(column int, absent farmtally.Quantity) farmtally.Quantity {
	text := s.cell(column)
	if text == "" {
		return absent
	}
	q, err := farmtally.ParseQuantity(text)
	if err != nil {
		s.row.fault(columnNames[column], "%s is %s", quoted(text), err)
	}
	return q
}

// errNotMemory says how Slurm writes an amount of memory.
var errNotMemory = errors.New("no amount of memory such as 31000M or 62.50G")

// memoryUnits are the suffixes of Slurm's amounts, each 1,024 of the one before.
const memoryUnits = "KMGTPE"

// parseMemory reads an amount of memory in GiB: a decimal number and a suffix, or
// none for MiB. What is finer than a billionth is rounded, half to even.
func parseMemory(s string) (farmtally.Quantity, error) {
	unit := strings.IndexByte(memoryUnits, 'M')
	number := strings.TrimRight(s, memoryUnits)
	switch len(s) - len(number) {
	case 0:
	case 1:
		unit = strings.IndexByte(memoryUnits, s[len(s)-1])
	default:
		return 0, errNotMemory
	}
	whole, fraction, _ := strings.Cut(number, ".")
	fraction = strings.TrimRight(fraction, "0")
	value, err := strconv.ParseUint(whole+fraction, 10, 64)
	if err != nil || whole == "" || len(fraction) > 9 {
		return 0, errNotMemory
	}
	for range 9 - len(fraction) {
		hi, lo := bits.Mul64(value, 10)
		if hi != 0 {
			return 0, errNotMemory
		}
		value = lo
	}
	return shift(value, 10*(unit-strings.IndexByte(memoryUnits, 'G')))
}

// shift multiplies by 2^n, where a negative n rounds half to even.
func shift(v uint64, n int) (farmtally.Quantity, error) {
	switch {
	case n < 0:
		half, rest := uint64(1)<<(-n-1), v&(1<<-n-1)
		v >>= -n
		if rest > half || rest == half && v%2 == 1 {
			v++
		}
	case bits.Len64(v)+n > 63:
		return 0, errNotMemory
	default:
		v <<= n
	}
	if v > math.MaxInt64 {
		return 0, errNotMemory
	}
	return farmtally.Quantity(v), nil
}
