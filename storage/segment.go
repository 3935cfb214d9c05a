package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime/debug"
	"sort"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"golang.org/x/sys/unix"

	"github.com/farmtally/farmtally"
)

// SegmentInfo is what the catalog knows of a segment: where it is, and a zone map.
type SegmentInfo struct {
	ID        int64 // 0 until the catalog has it
	FarmID    farmtally.FarmID
	File      string // its name in the folder segments/
	Bytes     int64
	Records   int64
	First     farmtally.Instant // the smallest StartedAt
	Last      farmtally.Instant // the largest StartedAt
	End       farmtally.Instant // the largest EndedAt
	MaxWall   int64             // milliseconds
	Unpriced  int64             // records that no rate matched
	Checksums []uint32          // CRC-32C by Column, and of the rest of the file
}

// Segment is an open segment file, mapped into memory. It is safe for concurrent
// use until Close. Its texts and slices point into the map: they must not be used
// after Close.
type Segment struct {
	Info     SegmentInfo
	data     []byte
	arrays   [columns]arrow.Array
	verified [columns]sync.Once
	damage   [columns]error
	whole    atomic.Bool // VerifyAll has succeeded
}

// OpenSegment maps a segment file and reads its schema, no column. It fails with
// Corrupt where the file is not the one that the info describes. An info without
// checksums is that of a file just written, and gets them.
func OpenSegment(path string, info SegmentInfo) (*Segment, error) {
	s := &Segment{Info: info}
	if err := s.open(path); err != nil {
		_ = s.Close() // the file is only read
		return nil, fmt.Errorf("open segment %s: %w", info.File, err)
	}
	return s, nil
}

func (s *Segment) open(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return damaged(err)
	}
	if err != nil {
		return fmt.Errorf("open file: %w", err)
	}
	defer f.Close() //nolint:errcheck // the file is only read
	stat, err := f.Stat()
	if err != nil {
		return fmt.Errorf("stat file: %w", err)
	}
	if stat.Size() != s.Info.Bytes {
		return damaged(fmt.Errorf("it has %d bytes instead of %d", stat.Size(), s.Info.Bytes))
	}
	if s.data, err = mapped(f, int(stat.Size())); err != nil {
		return fmt.Errorf("map file: %w", err)
	}
	return guard(s.readArrays)
}

// mapped maps a file's bytes. unix.Mmap and unix.Munmap share a lock, behind which a
// push that opens a segment would wait for another to be unmapped; these do not.
func mapped(f *os.File, size int) ([]byte, error) {
	at, err := unix.MmapPtr(int(f.Fd()), 0, nil, uintptr(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what could not be done
	}
	return unsafe.Slice((*byte)(at), size), nil //nolint:gosec // as many bytes as are mapped
}

// guard reads mapped bytes. A map faults where the disk cannot read or the file was
// cut off, and Arrow's reader may panic on damaged metadata: both are damage.
func guard(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = damaged(fmt.Errorf("read mapped file: %v", p))
		}
	}()
	return read()
}

// readArrays finds the columns in the map.
func (s *Segment) readArrays() error {
	sum, err := skeletonSum(s.data)
	if err != nil {
		return damaged(err)
	}
	fresh := s.Info.Checksums == nil
	if fresh {
		s.Info.Checksums = make([]uint32, columns+1)
		s.Info.Checksums[columns] = sum
	}
	if len(s.Info.Checksums) != int(columns)+1 || s.Info.Checksums[columns] != sum {
		return damaged(errors.New("its metadata has a wrong checksum"))
	}
	batch, err := mappedBatch(s.data)
	if err != nil {
		return damaged(err)
	}
	if batch.NumCols() != int64(columns) || batch.NumRows() != s.Info.Records {
		return damaged(errors.New("its columns or rows are not those of the catalog"))
	}
	for c := range columns {
		if batch.ColumnName(int(c)) != c.String() {
			return damaged(fmt.Errorf("column %d is not %s", int(c), c))
		}
		s.arrays[c] = batch.Column(int(c))
		if fresh {
			s.Info.Checksums[c] = checksum(s.arrays[c])
			s.verified[c].Do(func() { makeDictionary(s.arrays[c]) })
		}
	}
	s.whole.Store(fresh)
	return nil
}

func damaged(err error) error {
	return &farmtally.Error{
		Kind: farmtally.Corrupt, Message: "a segment file is damaged", Err: err,
		Hint: "run farmtally check, and restore the file from a backup",
	}
}

// Close unmaps the file.
func (s *Segment) Close() error {
	if s.data == nil {
		return nil
	}
	data := s.data
	s.data = nil
	if err := unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(data)), uintptr(len(data))); err != nil { //nolint:gosec // what mapped has mapped
		return fmt.Errorf("unmap segment %s: %w", s.Info.File, err)
	}
	return nil
}

// Len is the number of rows.
func (s *Segment) Len() int { return int(s.Info.Records) }

// Verify compares a column with its checksum, once: later calls give the same
// answer.
func (s *Segment) Verify(c Column) error {
	s.verified[c].Do(func() {
		err := guard(func() error {
			if checksum(s.arrays[c]) != s.Info.Checksums[c] {
				return damaged(fmt.Errorf("column %s has a wrong checksum", c))
			}
			makeDictionary(s.arrays[c])
			return nil
		})
		if err != nil {
			s.damage[c] = fmt.Errorf("read segment %s: %w", s.Info.File, err)
		}
	})
	return s.damage[c]
}

// makeDictionary has Arrow make the array of a dictionary's values, which it does at the
// first look and with no regard for other goroutines.
func makeDictionary(column arrow.Array) {
	if d, ok := column.(*array.Dictionary); ok {
		d.Dictionary()
	}
}

// Starts gives the start column, milliseconds since 1970, ascending.
func (s *Segment) Starts() ([]int64, error) {
	if err := s.Verify(ColStart); err != nil {
		return nil, err
	}
	starts, ok := s.arrays[ColStart].(*array.Timestamp)
	if !ok {
		return nil, s.typeError(ColStart)
	}
	return arrow.Int64Traits.CastFromBytes(arrow.TimestampTraits.CastToBytes(starts.TimestampValues())), nil
}

// Numbers gives a wall, runtime or cost column as []uint32 or []uint64.
func (s *Segment) Numbers(c Column) (any, error) {
	if err := s.Verify(c); err != nil {
		return nil, err
	}
	return s.unsigned(c, s.arrays[c])
}

// Texts are the values of a text column by code, ascending; "" is the absent value.
type Texts interface {
	Len() int
	Value(code int) string
}

// Codes gives a text column's codes as []uint8, []uint16 or []uint32, and the texts
// that they stand for.
func (s *Segment) Codes(c Column) (codes any, texts Texts, err error) {
	if err := s.Verify(c); err != nil {
		return nil, nil, err
	}
	column, ok := s.arrays[c].(*array.Dictionary)
	if !ok {
		return nil, nil, s.typeError(c)
	}
	values, ok := column.Dictionary().(*array.String)
	if !ok {
		return nil, nil, s.typeError(c)
	}
	codes, err = s.unsigned(c, column.Indices())
	return codes, values, err
}

func (s *Segment) unsigned(c Column, column arrow.Array) (any, error) {
	switch a := column.(type) {
	case *array.Uint8:
		return a.Uint8Values(), nil
	case *array.Uint16:
		return a.Uint16Values(), nil
	case *array.Uint32:
		return a.Uint32Values(), nil
	case *array.Uint64:
		return a.Uint64Values(), nil
	default:
		return nil, s.typeError(c)
	}
}

func (s *Segment) typeError(c Column) error {
	return fmt.Errorf("read segment %s: %w", s.Info.File,
		damaged(fmt.Errorf("column %s has type %s", c, s.arrays[c].DataType())))
}

// Find gives the row of the identity, or −1.
func (s *Segment) Find(start farmtally.Instant, id string) (int, error) {
	if start < s.Info.First || start > s.Info.Last {
		return -1, nil
	}
	starts, err := s.Starts()
	if err != nil {
		return -1, err
	}
	if err := s.Verify(ColRecordID); err != nil {
		return -1, err
	}
	ids, ok := s.arrays[ColRecordID].(*array.String)
	if !ok {
		return -1, s.typeError(ColRecordID)
	}
	i := sort.Search(len(starts), func(i int) bool {
		return starts[i] > int64(start) || starts[i] == int64(start) && ids.Value(i) >= id
	})
	if i < len(starts) && starts[i] == int64(start) && ids.Value(i) == id {
		return i, nil
	}
	return -1, nil
}

// RecordID gives the record id of a row. The column must have been verified.
func (s *Segment) RecordID(i int) string { return s.arrays[ColRecordID].(*array.String).Value(i) }

// VerifyAll verifies every column, as reading whole records needs, and gives the
// first damage.
func (s *Segment) VerifyAll() error {
	for c := range columns {
		if err := s.Verify(c); err != nil {
			return err
		}
	}
	s.whole.Store(true)
	return nil
}

// Verified reports whether every column has been verified, and none is damaged.
func (s *Segment) Verified() bool { return s.whole.Load() }

// CheckSegment compares all of a segment's file, as it is on the disk now, with its
// checksums. A segment that has been compacted away meanwhile is as it should be.
func (c *Catalog) CheckSegment(info SegmentInfo) (err error) {
	s, err := OpenSegment(c.SegmentPath(info.File), info)
	if c.isGone(context.Background(), &info, err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.VerifyAll()
}

// Record puts row i into r. VerifyAll must have succeeded before.
func (s *Segment) Record(i int, r *farmtally.Record) {
	start := farmtally.Instant(s.arrays[ColStart].(*array.Timestamp).Value(i))
	*r = farmtally.Record{
		RecordID: s.RecordID(i), FarmID: s.Info.FarmID, StartedAt: start,
		EndedAt:       start + farmtally.Instant(number(s.arrays[ColWall], i)),
		RuntimeMillis: number(s.arrays[ColRuntime], i), HasRuntime: true,
		Cost: farmtally.Money(number(s.arrays[ColCost], i)), HasCost: true,
	}
	for c := ColQueue; c <= ColRate; c++ {
		column := s.arrays[c].(*array.Dictionary)
		setText(r, c, column.Dictionary().(*array.String).Value(column.GetValueIndex(i)))
	}
	for c := ColWorkers; c <= ColMemory; c++ {
		column := s.arrays[c].(*array.Dictionary)
		*quantityOf(r, c) = farmtally.Quantity(column.Dictionary().(*array.Int64).Value(column.GetValueIndex(i)))
	}
}

func number(column arrow.Array, i int) int64 {
	if narrow, ok := column.(*array.Uint32); ok {
		return int64(narrow.Value(i))
	}
	return int64(min(column.(*array.Uint64).Value(i), math.MaxInt64))
}
