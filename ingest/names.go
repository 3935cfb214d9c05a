package ingest

import (
	"fmt"
	"strings"

	"github.com/farmtally/farmtally"
)

// maxRemembered bounds the ids and the texts that a stream's reader remembers, and
// maxRememberedText the length of each.
const (
	maxRemembered     = 1 << 16
	maxRememberedText = 256
)

// names makes ids of names, and keeps one copy of each of the texts that rows repeat.
type names struct {
	kind  string // the source's kind, part of every hash
	whole bool   // texts may be parts of what is read, and need no copies
	ids   map[nameKey]string
	texts map[string]string

	lastFarm farm
	recent   [recentTexts]string // texts that were there lately, by placeOf
}

// placeOf picks a place of recent by a text's ends.
func placeOf(s string) uint {
	h := uint64(len(s)) << 56
	if len(s) < 8 {
		for i := range len(s) {
			h = h<<8 | uint64(s[i])
		}
	} else {
		h ^= eightBytes(s[len(s)-8:])*3 + eightBytes(s)
	}
	return uint(h * 0x9E3779B97F4A7C15 >> 54) // the upper ten bits
}

func eightBytes(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

type nameKey struct{ prefix, farm, name string }

func newNames(kind string) names {
	return names{kind: kind, ids: map[nameKey]string{}, texts: map[string]string{}}
}

// text gives a copy of s that shares nothing with the line that s is part of.
func (n *names) text(s string) string {
	if s == "" || n.whole {
		return s
	}
	recent := &n.recent[placeOf(s)]
	if *recent == s {
		return *recent
	}
	if len(s) > maxRememberedText {
		return strings.Clone(s)
	}
	kept, ok := n.texts[s]
	if !ok {
		if len(n.texts) == maxRemembered {
			clear(n.texts)
		}
		kept = strings.Clone(s)
		n.texts[kept] = kept
	}
	*recent = kept
	return kept
}

// own gives a copy of a text that hardly comes again.
func (n *names) own(s string) string {
	if n.whole {
		return s
	}
	return strings.Clone(s)
}

func (n *names) hash(prefix, farm, name string) string {
	if id, ok := n.ids[nameKey{prefix, farm, name}]; ok {
		return id
	}
	if len(n.ids) == maxRemembered {
		clear(n.ids)
	}
	id := farmtally.HashID(prefix, n.kind, farm, name)
	if len(farm)+len(name) > maxRememberedText {
		return id
	}
	n.ids[nameKey{prefix, n.text(farm), n.text(name)}] = id
	return id
}

// resolve takes a text that is an id or a name, and gives both: an id has no name,
// and a name's id is its hash. The text must not be a mistyped id.
func (n *names) resolve(prefix, farm, s string) (id, name string, err error) {
	switch {
	case s == "":
		return "", "", nil
	case farmtally.IsID(prefix, s):
		return n.text(s), "", nil
	case farmtally.MistypedID(prefix, s):
		return "", "", fmt.Errorf("must be a name, or %q and 32 lower-case hexadecimal digits; %s is neither", prefix, quoted(s))
	}
	return n.hash(prefix, farm, s), n.text(s), nil
}

// farm is a record's farm: its id, its name if it has one, and what the names in it
// are hashed with, which is the farm's name, or its id where that is all there is.
type farm struct {
	id    farmtally.FarmID
	name  string
	scope string
}

func (n *names) farm(s string) (f farm, err error) {
	if s != "" && s == n.lastFarm.scope {
		return n.lastFarm, nil
	}
	id, name, err := n.resolve(farmtally.FarmPrefix, s, s)
	if f = (farm{farmtally.FarmID(id), name, name}); name == "" {
		f.scope = id
	}
	if err == nil {
		n.lastFarm = f
	}
	return f, err
}

// label cuts a job's name, which is no key, to the length that a record allows.
func label(s string) string {
	const most = 128
	if len(s) <= most {
		return s
	}
	count := 0
	for at := range s {
		if count == most {
			return s[:at]
		}
		count++
	}
	return s
}
