package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/storage"
)

// presence says whether a command makes the data folder where there is none.
type presence bool

const (
	mayBeNew  presence = true
	mustExist presence = false
)

// need fails where the command needs a data folder and there is none: a folder with
// a misspelt name is not to come into being by looking at it.
func (p *program) need(want presence) error {
	if want == mayBeNew {
		return nil
	}
	if _, err := os.Stat(p.data); errors.Is(err, fs.ErrNotExist) {
		return &farmtally.Error{
			Kind: farmtally.NotFound, Message: fmt.Sprintf("there is no data folder %s", p.data),
			Hint: "name another with --data, or make this one with 'farmtally import'",
		}
	}
	return nil
}

// withCatalog opens the data folder's catalog for do.
func (p *program) withCatalog(ctx context.Context, want presence, do func(*storage.Catalog) error) (err error) {
	if err := p.need(want); err != nil {
		return err
	}
	catalog, err := storage.Open(ctx, storage.Config{Dir: p.data, Clock: p.now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, catalog.Close()) }()
	return do(catalog)
}

// sealRecords is how many ended hot records make a segment; 0 is the engine's own
// number. Only tests set it, in the processes that they start.
var sealRecords int

// openFolder is an open data folder.
type openFolder struct {
	catalog *storage.Catalog
	engine  *engine.Engine
}

// openFolder opens the data folder's catalog and records. A command that writes first
// removes what crashed ones have left.
func (p *program) openFolder(ctx context.Context, want presence) (*openFolder, error) {
	if err := p.need(want); err != nil {
		return nil, err
	}
	c, err := storage.Open(ctx, storage.Config{Dir: p.data, Clock: p.now})
	if err != nil {
		return nil, err
	}
	f := &openFolder{c, engine.Open(engine.Config{Catalog: c, SealRecords: sealRecords, CacheBytes: p.cacheBytes})}
	if want == mayBeNew {
		if _, err := c.Sweep(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("remove what a crash left: %w", err), f.close())
		}
	}
	return f, nil
}

func (f *openFolder) close() error { return errors.Join(f.engine.Close(), f.catalog.Close()) }

// withEngine opens the data folder's catalog and records for do.
func (p *program) withEngine(ctx context.Context, want presence, do func(*storage.Catalog, *engine.Engine) error) error {
	f, err := p.openFolder(ctx, want)
	if err != nil {
		return err
	}
	return errors.Join(do(f.catalog, f.engine), f.close())
}

// printJSON writes one document.
func printJSON(w io.Writer, document any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(document)
}
