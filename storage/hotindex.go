package storage

// hotIndex finds the place of a hot record by its identity's hash: a hash table with
// linear probing, at most half full. Two identities may have one hash.
type hotIndex struct {
	slots []hotSlot
	used  int
}

type hotSlot struct {
	hash  uint64 // 0: free
	place hotPlace
}

// hotPlace is a row of a batch, by the number of the batch among its farm's.
type hotPlace struct{ batch, row uint32 }

// find gives the slot of the hash whose place is the one sought.
func (x *hotIndex) find(hash uint64, is func(hotPlace) bool) (*hotSlot, bool) {
	if x.used == 0 {
		return nil, false
	}
	mask := uint64(len(x.slots) - 1) //nolint:gosec // never negative
	for at := hash & mask; x.slots[at].hash != 0; at = (at + 1) & mask {
		if s := &x.slots[at]; s.hash == hash && is(s.place) {
			return s, true
		}
	}
	return nil, false
}

// add adds a place that is not there.
func (x *hotIndex) add(hash uint64, p hotPlace) {
	if 2*x.used >= len(x.slots) {
		old := x.slots
		x.slots = make([]hotSlot, max(1024, 2*len(old)))
		for _, s := range old {
			if s.hash != 0 {
				x.insert(s)
			}
		}
	}
	x.used++
	x.insert(hotSlot{hash, p})
}

func (x *hotIndex) insert(s hotSlot) {
	mask := uint64(len(x.slots) - 1) //nolint:gosec // never negative
	at := s.hash & mask
	for x.slots[at].hash != 0 {
		at = (at + 1) & mask
	}
	x.slots[at] = s
}

// remove removes a place that is there, and moves up those that are not where their
// hash puts them, so that none is cut off.
func (x *hotIndex) remove(hash uint64, p hotPlace) {
	mask := uint64(len(x.slots) - 1) //nolint:gosec // never negative
	at := hash & mask
	for x.slots[at] != (hotSlot{hash, p}) {
		at = (at + 1) & mask
	}
	x.used--
	for next := (at + 1) & mask; x.slots[next].hash != 0; next = (next + 1) & mask {
		if home := x.slots[next].hash & mask; (next-home)&mask >= (next-at)&mask {
			x.slots[at] = x.slots[next]
			at = next
		}
	}
	x.slots[at] = hotSlot{}
}
