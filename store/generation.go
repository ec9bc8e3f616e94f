package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/dgraph-io/badger/v4"

	"fettle/model"
)

// Generation is a whole catalogue of one upstream on its way into the store: it
// is in force as a whole or not at all. What it is given is written at once, to
// places that nobody looks at (staged parts, blocks beyond the last one in
// force); Switch commits one record, from which on the generation comes into
// force whatever happens: a process that dies is made up for when the store is
// opened again. What was left by a generation that was never switched goes when
// the next one begins.
//
// Documents, Kept and Keep may be called by several goroutines. One generation
// is open at a time; a second Begin waits.
type Generation struct {
	store    *Store
	upstream string

	mu     sync.Mutex
	buffer []byte         // documents of the block that is being filled
	spare  [][]byte       // buffers of blocks that were written
	part   stagedPart     // what was not staged yet
	filled []stagedRecord // records of the documents in buffer
	parts  uint32
	blocks uint64 // the last block given out
	ended  bool
}

// stagedPart is a part of a generation.
type stagedPart struct {
	Categories []model.Category    `cbor:"1,keyasint,omitempty"`
	Updates    []*model.Update     `cbor:"2,keyasint,omitempty"`
	Records    []stagedRecord      `cbor:"3,keyasint,omitempty"`
	Kept       []model.DocumentKey `cbor:"4,keyasint,omitempty"`
}

// stagedRecord is the record of a document and its key.
type stagedRecord struct {
	Key    model.DocumentKey `cbor:"1,keyasint"`
	Record documentRecord    `cbor:"2,keyasint"`
}

// How much is gathered before it is staged.
const (
	stagedUpdates = 500
	stagedRecords = 4000
)

// switchRecord is the commit record of a generation.
type switchRecord struct {
	Upstream string `cbor:"1,keyasint"`
	Anchor   []byte `cbor:"2,keyasint"`
	Complete bool   `cbor:"3,keyasint,omitempty"`
	Parts    uint32 `cbor:"4,keyasint"`
}

// GenerationResult says what a generation changed, by update numbers.
type GenerationResult struct {
	ImportResult
	Withdrawn []uint32
	Documents int // originals that are new or differ
	Products  int // categories that are new
}

func keyStaged(part uint32) []byte { return key32(kindStaged, part) }

// BeginGeneration begins to take in a catalogue of an upstream. The caller ends
// it with Switch or Discard.
func (s *Store) BeginGeneration(ctx context.Context, upstream string) (*Generation, error) {
	if s.options.ReadOnly {
		return nil, s.do(ctx, nil) // says why not
	}
	if err := s.WaitLoaded(ctx); err != nil {
		return nil, err
	}
	select {
	case s.taking <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.stop:
		return nil, ErrClosed
	}
	g := &Generation{store: s, upstream: upstream}
	err := s.finishSwitch(ctx)
	if err == nil {
		g.blocks, err = s.sweepStaged(ctx)
	}
	if err != nil {
		<-s.taking
		return nil, fmt.Errorf("beginning to take in a catalogue of %s: %w", upstream, err)
	}
	return g, nil
}

// sweepStaged removes what generations that did not come into force left, and
// gives the last block in force.
func (s *Store) sweepStaged(ctx context.Context) (uint64, error) {
	var blocks uint64
	var keys [][]byte
	err := s.db.View(func(txn *badger.Txn) error {
		if err := get(txn, keyMeta(metaBlocks), &blocks); err != nil && !errors.Is(err, badger.ErrKeyNotFound) {
			return err
		}
		for _, from := range [][]byte{{kindStaged}, key64(kindBlock, blocks+1)} {
			it := txn.NewIterator(badger.IteratorOptions{Prefix: from[:1]})
			for it.Seek(from); it.Valid(); it.Next() {
				keys = append(keys, it.Item().KeyCopy(nil))
			}
			it.Close()
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return blocks, s.drop(ctx, keys)
}

// releaseEvery is after how many blocks the pages are given back that writing
// them has mapped.
const releaseEvery = 32

// release gives the mapped pages of the store back to the kernel: a catalogue is
// written once and then hardly read.
func (s *Store) release() {
	if err := releasePages(filepath.Join(s.options.Dir, "store")); err != nil {
		s.options.Log.Debug("the pages of the tables stay in memory", "error", err)
	}
}

// dropChunk is how many keys are deleted in one transaction.
const dropChunk = 2000

// drop deletes records that nobody looks at.
func (s *Store) drop(ctx context.Context, keys [][]byte) error {
	for len(keys) > 0 {
		n := min(len(keys), dropChunk)
		part := keys[:n]
		if err := s.do(ctx, func(d *draft) error {
			for _, k := range part {
				d.stage(k, nil)
			}
			return nil
		}); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// Kept gives the sum of a revision's document where it is kept already.
func (g *Generation) Kept(key model.DocumentKey) (sum [32]byte, ok bool) {
	return g.store.KeptDocument(g.upstream, key)
}

// KeptDocument gives the sum of a revision's document where an upstream's is
// kept.
func (s *Store) KeptDocument(upstream string, key model.DocumentKey) (sum [32]byte, ok bool) {
	r, err := read[documentRecord](s, "a document", keyDocument(upstream, key))
	if err != nil {
		return sum, false
	}
	copy(sum[:], r.Sum)
	return sum, true
}

// Documents brings originals; those that are kept already and equal only become
// part of the generation.
func (g *Generation) Documents(ctx context.Context, documents []model.Document) error {
	for i := range documents {
		d := &documents[i]
		sum := d.Sum()
		if kept, ok := g.Kept(d.DocumentKey); ok && kept == sum {
			if err := g.Keep(ctx, []model.DocumentKey{d.DocumentKey}); err != nil {
				return err
			}
			continue
		}
		if err := g.add(ctx, d, sum); err != nil {
			return fmt.Errorf("keeping the document of %s: %w", d.ID, err)
		}
	}
	return nil
}

func (g *Generation) add(ctx context.Context, d *model.Document, sum [32]byte) error {
	if bytes.IndexByte([]byte(d.ID), 0) >= 0 {
		return errors.New("its identifier holds a zero byte")
	}
	g.mu.Lock()
	before := int64(len(g.buffer))
	g.buffer = appendParts(g.buffer, d.Parts)
	g.filled = append(g.filled, stagedRecord{d.DocumentKey, documentRecord{
		Kind: d.Kind, Deployable: d.Deployable, Form: d.Form, Sum: bytes.Clone(sum[:]), Size: d.Size(), Offset: before, Length: int64(len(g.buffer)) - before,
	}})
	var full []byte
	var number uint64
	if len(g.buffer) >= blockSize {
		full, number = g.seal()
	}
	part, partNumber := g.due(false)
	g.mu.Unlock()
	return errors.Join(g.writeBlock(ctx, number, full), g.stagePart(ctx, partNumber, part))
}

// seal takes the filled block out. The caller holds mu.
func (g *Generation) seal() ([]byte, uint64) {
	if len(g.filled) == 0 {
		return nil, 0
	}
	g.blocks++
	for i := range g.filled {
		g.filled[i].Record.Block = g.blocks
	}
	g.part.Records = append(g.part.Records, g.filled...)
	full := g.buffer
	if full == nil {
		full = []byte{} // documents without a byte have a block too
	}
	g.buffer, g.filled = nil, nil
	if n := len(g.spare); n > 0 {
		g.buffer, g.spare = g.spare[n-1][:0], g.spare[:n-1]
	} else {
		g.buffer = make([]byte, 0, blockSize+blockSize/8)
	}
	return full, g.blocks
}

// due takes a part that is large enough out. The caller holds mu.
func (g *Generation) due(last bool) (*stagedPart, uint32) {
	p := &g.part
	if len(p.Records) < stagedRecords && len(p.Updates) < stagedUpdates && len(p.Kept) < stagedRecords && len(p.Categories) < stagedUpdates && !last {
		return nil, 0
	}
	if len(p.Records)+len(p.Updates)+len(p.Kept)+len(p.Categories) == 0 {
		return nil, 0
	}
	part := g.part
	g.part = stagedPart{}
	g.parts++
	return &part, g.parts
}

// writeBlock packs a block and writes its pieces. Compressing is done by the
// caller's goroutine, so that several go on at once.
func (g *Generation) writeBlock(ctx context.Context, number uint64, block []byte) error {
	if block == nil {
		return nil
	}
	if len(block) > maxBlockSize {
		return fmt.Errorf("a document of %d bytes is too large to be kept", len(block))
	}
	packed := blockPacker.EncodeAll(block, nil)
	if c := cap(block); c >= blockSize && c < 2*blockSize { // that of a single large document is not kept
		g.mu.Lock()
		g.spare = append(g.spare, block)
		g.mu.Unlock()
	}
	for piece := 0; ; piece++ {
		n := min(len(packed), pieceSize)
		value := append([]byte{formatRaw}, packed[:n]...)
		if err := g.store.do(ctx, func(d *draft) error {
			d.stage(keyBlock(number, uint16(piece)), value)
			return nil
		}); err != nil {
			return err
		}
		if packed = packed[n:]; len(packed) == 0 {
			if number%releaseEvery == 0 {
				g.store.release()
			}
			return nil
		}
	}
}

func (g *Generation) stagePart(ctx context.Context, number uint32, part *stagedPart) error {
	if part == nil {
		return nil
	}
	value, err := encodePacked(part)
	if err != nil {
		return err
	}
	return g.store.do(ctx, func(d *draft) error {
		d.stage(keyStaged(number), value)
		return nil
	})
}

// put adds to the part that is being gathered.
func (g *Generation) put(ctx context.Context, add func(*stagedPart)) error {
	g.mu.Lock()
	add(&g.part)
	part, number := g.due(false)
	g.mu.Unlock()
	if err := g.stagePart(ctx, number, part); err != nil {
		return fmt.Errorf("taking in a catalogue of %s: %w", g.upstream, err)
	}
	return nil
}

// Keep says that documents which are kept already are part of the generation.
func (g *Generation) Keep(ctx context.Context, keys []model.DocumentKey) error {
	return g.put(ctx, func(p *stagedPart) { p.Kept = append(p.Kept, keys...) })
}

// Categories brings products and classifications.
func (g *Generation) Categories(ctx context.Context, c []model.Category) error {
	return g.put(ctx, func(p *stagedPart) { p.Categories = append(p.Categories, c...) })
}

// Updates brings complete descriptions, as Store.Import takes them.
func (g *Generation) Updates(ctx context.Context, updates []*model.Update) error {
	for len(updates) > 0 {
		n := min(len(updates), stagedUpdates)
		part := updates[:n]
		if err := g.put(ctx, func(p *stagedPart) { p.Updates = append(p.Updates, part...) }); err != nil {
			return err
		}
		updates = updates[n:]
	}
	return nil
}

// Switch puts the generation in force and ends it. complete says that updates
// which the upstream brought before, and documents, that are not in it are gone:
// updates are withdrawn. When it returns an error before the commit nothing
// changed; after it the rest is done when the store is opened again or the next
// generation begins.
func (g *Generation) Switch(ctx context.Context, anchor []byte, complete bool) (GenerationResult, error) {
	result, err := g.commit(ctx, anchor, complete)
	if err != nil {
		return result, fmt.Errorf("putting a catalogue of %s in force: %w", g.upstream, err)
	}
	return result, nil
}

func (g *Generation) commit(ctx context.Context, anchor []byte, complete bool) (GenerationResult, error) {
	defer g.end()
	g.mu.Lock()
	block, number := g.seal()
	part, partNumber := g.due(true)
	g.mu.Unlock()
	if err := errors.Join(ctx.Err(), g.writeBlock(ctx, number, block), g.stagePart(ctx, partNumber, part)); err != nil {
		return GenerationResult{}, err
	}
	if err := g.store.do(ctx, func(d *draft) error {
		return errors.Join(
			d.put(keyMeta(metaBlocks), g.blocks),
			d.put(keyMeta(metaSwitch), switchRecord{Upstream: g.upstream, Anchor: anchor, Complete: complete, Parts: g.parts}))
	}); err != nil {
		return GenerationResult{}, err
	}
	return g.store.roll(context.WithoutCancel(ctx))
}

// Discard ends a generation that is not to come into force. After Switch it does
// nothing.
func (g *Generation) Discard() error {
	g.mu.Lock()
	ended := g.ended
	g.mu.Unlock()
	if ended {
		return nil
	}
	defer g.end()
	if _, err := g.store.sweepStaged(context.Background()); err != nil {
		return fmt.Errorf("discarding a catalogue of %s: %w", g.upstream, err)
	}
	return nil
}

func (g *Generation) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		g.ended = true
		<-g.store.taking
	}
}

// finishSwitch brings a generation into force whose process died on the way. The
// caller is the one that may take in a generation.
func (s *Store) finishSwitch(ctx context.Context) error {
	if _, found, err := s.switching(); err != nil || !found {
		return err
	}
	_, err := s.roll(ctx)
	return err
}

func (s *Store) switching() (rec switchRecord, found bool, err error) {
	r, err := read[switchRecord](s, "the record of a catalogue that comes into force", keyMeta(metaSwitch))
	if errors.Is(err, ErrNotFound) {
		return rec, false, nil
	}
	if err != nil {
		return rec, false, err
	}
	return *r, true, nil
}

// roll does what a switch record says, all of which can be done again.
func (s *Store) roll(ctx context.Context) (GenerationResult, error) {
	var result GenerationResult
	rec, found, err := s.switching()
	if err != nil || !found {
		return result, err
	}
	present := map[model.UpdateID]struct{}{}
	kept := map[model.DocumentKey]struct{}{}
	for n := range rec.Parts {
		s.release()
		var part stagedPart
		if err := s.db.View(func(txn *badger.Txn) error { return get(txn, keyStaged(n+1), &part) }); err != nil {
			return result, fmt.Errorf("reading part %d of the catalogue: %w", n+1, err)
		}
		for i := range part.Categories {
			part.Categories[i].Upstream = rec.Upstream
		}
		added, err := s.PutCategories(ctx, part.Categories)
		result.Products += len(added)
		if err != nil {
			return result, err
		}
		for _, u := range part.Updates {
			u.Upstream = rec.Upstream
			present[u.ID] = struct{}{}
		}
		r, err := s.Import(ctx, part.Updates)
		result.New = append(result.New, r.New...)
		result.Revised = append(result.Revised, r.Revised...)
		result.Unchanged += r.Unchanged
		if err != nil {
			return result, err
		}
		if err := s.putDocuments(ctx, rec.Upstream, part.Records); err != nil {
			return result, err
		}
		result.Documents += len(part.Records)
		if rec.Complete {
			for _, r := range part.Records {
				kept[r.Key] = struct{}{}
			}
			for _, k := range part.Kept {
				kept[k] = struct{}{}
			}
		}
	}
	if rec.Complete {
		if result.Withdrawn, err = s.Withdraw(ctx, s.Absent(rec.Upstream, present)); err != nil {
			return result, err
		}
		if err := s.dropDocuments(ctx, rec.Upstream, kept); err != nil {
			return result, err
		}
	}
	if err := s.do(ctx, func(d *draft) error {
		d.delete(keyMeta(metaSwitch))
		d.stage(keyAnchor(rec.Upstream), append([]byte{formatRaw}, rec.Anchor...))
		return nil
	}); err != nil {
		return result, err
	}
	_, err = s.sweepStaged(ctx)
	return result, err
}

// Absent gives what an upstream brought once, is neither withdrawn nor expired
// and not in its catalogue.
func (s *Store) Absent(upstream string, present map[model.UpdateID]struct{}) []uint32 {
	snap := s.Snapshot()
	var gone []uint32
	for n := range snap.LastUpdate() {
		row := snap.Row(n + 1)
		if row == nil || row.Upstream != upstream || row.Flags&(model.FlagWithdrawn|model.FlagExpired) != 0 {
			continue
		}
		if _, ok := present[row.ID]; !ok {
			gone = append(gone, row.Number)
		}
	}
	return gone
}

func (s *Store) putDocuments(ctx context.Context, upstream string, records []stagedRecord) error {
	for len(records) > 0 {
		n := min(len(records), dropChunk)
		part := records[:n]
		if err := s.do(ctx, func(d *draft) error {
			for _, r := range part {
				b, err := encode(r.Record)
				if err != nil {
					return err
				}
				d.stage(keyDocument(upstream, r.Key), b)
			}
			return nil
		}); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// dropDocuments removes an upstream's documents that its catalogue no longer
// has, and the blocks in which nothing is left.
func (s *Store) dropDocuments(ctx context.Context, upstream string, kept map[model.DocumentKey]struct{}) error {
	used := map[uint64]struct{}{}
	var gone [][]byte
	if err := s.eachDocument([]byte{kindDocument}, func(name string, k model.DocumentKey, r *documentRecord) error {
		if _, ok := kept[k]; name == upstream && !ok {
			gone = append(gone, keyDocument(name, k))
		} else {
			used[r.Block] = struct{}{}
		}
		return ctx.Err()
	}); err != nil {
		return err
	}
	if err := s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{kindBlock}})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if _, ok := used[binary.BigEndian.Uint64(it.Item().Key()[1:])]; !ok {
				gone = append(gone, it.Item().KeyCopy(nil))
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if len(gone) == 0 {
		return nil
	}
	if err := s.drop(ctx, gone); err != nil {
		return err
	}
	// The space of blocks is in the value log, which Badger never tidies by
	// itself. A file is written anew when half of it is waste.
	for range maxLogFiles {
		if err := s.db.RunValueLogGC(0.5); err != nil {
			if !errors.Is(err, badger.ErrNoRewrite) && !errors.Is(err, badger.ErrRejected) {
				s.options.Log.Warn("tidying the value log failed; it takes more room than it needs", "error", err)
			}
			return nil
		}
	}
	return nil
}

// maxLogFiles bounds how much is tidied at once.
const maxLogFiles = 100
