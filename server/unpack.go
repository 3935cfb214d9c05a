package server

import (
	"compress/gzip"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/farmtally/farmtally/deadline"
)

// unpacker reads a body that was packed, up to a bound, so that no small body becomes a
// large one. Its errors are the exceptions to answer with.
type unpacker struct {
	in      io.Reader
	packing string // the name of the packing; "" for none
	left    int64  // bytes that may still be read
}

func (u *unpacker) Read(p []byte) (int, error) {
	if int64(len(p)) > u.left+1 {
		p = p[:u.left+1]
	}
	n, err := u.in.Read(p)
	if u.left -= int64(n); u.left < 0 {
		return 0, errTooMuch
	}
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return n, errTooMuch
	case err != nil && !errors.Is(err, io.EOF):
		return n, damagedBody(u.packing)
	}
	return n, err
}

func damagedBody(packing string) error {
	return malformed(deadline.CannotParse, "The body of the request is not good %s data, or was cut off.", packing)
}

func unpackGzip(body io.Reader) (*unpacker, error) {
	z, err := gzip.NewReader(body)
	if err != nil {
		return nil, damagedBody("gzip")
	}
	return &unpacker{in: z, packing: "gzip", left: MaxPushUnpacked}, nil
}

// decoders are those of zstd that are not in use.
var decoders sync.Pool // *zstd.Decoder

func unpackZstd(body io.Reader) (u *unpacker, release func(), err error) {
	d, ok := decoders.Get().(*zstd.Decoder)
	if ok {
		err = d.Reset(body)
	} else {
		d, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(MaxPushUnpacked), zstd.WithDecoderMaxWindow(MaxPushBytes))
	}
	if err != nil {
		return nil, nil, damagedBody("zstd")
	}
	return &unpacker{in: d, packing: "zstd", left: MaxPushUnpacked}, func() {
		if d.Reset(nil) == nil {
			decoders.Put(d)
		}
	}, nil
}
