package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	flatbuffers "github.com/google/flatbuffers/go"
)

// An Arrow file is a magic, padded to 8 bytes; a stream of messages; and a footer
// that a reader of the whole stream does not need. Each message is
//
//	FF FF FF FF | length of metadata, 4 bytes, little-endian | metadata | body
//
// and the metadata, a flatbuffer, has the length of the body. A length of 0 ends
// the stream.
//
// mappedMessages reads the messages in place: arrow-go's own reader of mapped files
// (ipc.NewMappedFileReader, up to v18.8.0) fails on every file that has a
// dictionary, and its other readers copy.
type mappedMessages struct{ data []byte }

const (
	arrowMagic     = "ARROW1\x00\x00"
	continuation   = 0xFFFFFFFF
	prefixBytes    = 8
	bodyLengthSlot = 10 // the place of bodyLength in Arrow's Message table
)

var errCutOff = errors.New("it is cut off inside a message")

// mappedBatch reads the one record batch of a mapped file, whose columns then lie
// in the map.
func mappedBatch(data []byte) (arrow.RecordBatch, error) {
	if len(data) < len(arrowMagic) || string(data[:len(arrowMagic)]) != arrowMagic {
		return nil, errors.New("it is no Arrow file")
	}
	reader, err := ipc.NewReaderFromMessageReader(&mappedMessages{data[len(arrowMagic):]})
	if err != nil {
		return nil, fmt.Errorf("read arrow schema: %w", err)
	}
	defer reader.Release()
	batch, err := reader.Read()
	if err != nil {
		return nil, fmt.Errorf("read arrow batch: %w", err)
	}
	batch.Retain()
	return batch, nil
}

// next cuts the first message off. Both are nil at the end of the stream.
func (m *mappedMessages) next() (meta, body []byte, err error) {
	if len(m.data) < prefixBytes || binary.LittleEndian.Uint32(m.data) != continuation {
		return nil, nil, errCutOff
	}
	length := int64(binary.LittleEndian.Uint32(m.data[4:]))
	if length == 0 {
		return nil, nil, nil
	}
	if length > int64(len(m.data))-prefixBytes {
		return nil, nil, errCutOff
	}
	meta, rest := m.data[prefixBytes:prefixBytes+length], m.data[prefixBytes+length:]
	n := bodyLength(meta)
	if n < 0 || n > int64(len(rest)) {
		return nil, nil, errCutOff
	}
	m.data = rest[n:]
	return meta, rest[:n], nil
}

// skeletonSum is the CRC-32C of all of an Arrow file but the bodies of its messages:
// what must be right before anything else can be read. It may panic on a damaged
// file.
func skeletonSum(data []byte) (uint32, error) {
	if len(data) < len(arrowMagic) {
		return 0, errCutOff
	}
	sum := crc32.Update(0, castagnoli, data[:len(arrowMagic)])
	m := &mappedMessages{data[len(arrowMagic):]}
	for {
		before := m.data
		meta, _, err := m.next()
		if err != nil {
			return 0, err
		}
		if meta == nil {
			return crc32.Update(sum, castagnoli, before), nil
		}
		sum = crc32.Update(sum, castagnoli, before[:prefixBytes+len(meta)])
	}
}

// Message implements ipc.MessageReader.
func (m *mappedMessages) Message() (*ipc.Message, error) {
	meta, body, err := m.next()
	if err != nil {
		return nil, err
	}
	if meta == nil {
		return nil, io.EOF
	}
	return ipc.NewMessage(memory.NewBufferBytes(meta), memory.NewBufferBytes(body)), nil
}

func bodyLength(meta []byte) int64 {
	table := flatbuffers.Table{Bytes: meta, Pos: flatbuffers.GetUOffsetT(meta)}
	slot := table.Offset(bodyLengthSlot)
	if slot == 0 {
		return 0
	}
	return table.GetInt64(table.Pos + flatbuffers.UOffsetT(slot))
}

// Retain implements ipc.MessageReader; the map belongs to the Segment.
func (m *mappedMessages) Retain() {}

// Release implements ipc.MessageReader.
func (m *mappedMessages) Release() {}
