package wsusexport

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"

	"fettle/model"
	"fettle/sync/metadata"
)

// How much goes from one goroutine to the next at once.
const (
	batchBytes     = 1 << 20
	batchDocuments = 256
	batchKept      = 8 << 20 // a buffer that grew beyond this is given up
)

// batch is some documents on their way through a pass.
type batch struct {
	number  int
	text    []byte
	records []batchRecord
	read    int64 // bytes of the package read up to its end
}

// batchRecord is one document of a batch, and what became of it.
type batchRecord struct {
	record
	begin, end int  // in the batch's text
	repeated   bool // the package holds the revision more than once

	update *metadata.Update // nil where there is a problem
	sum    [32]byte
	plain  [32]byte // digest of the text with plain line ends, in which editions differ
	kept   bool     // the store had a document of this revision before
	other  bool     // it keeps that one, which has other bytes
}

// pass goes through all documents that keep selects (nil: all): one goroutine
// reads, some work, and handle sees the batches in their order, in the caller's
// goroutine. All have ended when pass returns.
func (r *run) pass(ctx context.Context, keep func(revision) bool, work func(context.Context, *metadata.Parser, *batch) error, handle func(*batch) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	docs, err := r.pack.documents(r.options.Document)
	if err != nil {
		return err
	}
	defer docs.Close()
	workers := r.options.Workers
	free := make(chan *batch, workers+2)
	for range cap(free) {
		free <- &batch{}
	}
	jobs, done := make(chan *batch), make(chan *batch, cap(free))
	var group sync.WaitGroup
	group.Go(func() {
		defer close(jobs)
		if err := guarded(func() error { return cutBatches(ctx, docs, keep, free, jobs) }); err != nil {
			cancel(err)
		}
	})
	for range workers {
		group.Go(func() {
			// Rules are long and nobody here reads them: their digest is enough.
			parser := metadata.NewParser(metadata.Limits{Rules: -1})
			for b := range jobs {
				if err := guarded(func() error { return work(ctx, parser, b) }); err != nil {
					cancel(err)
				}
				done <- b
			}
		})
	}
	go func() { group.Wait(); close(done) }()

	waiting := map[int]*batch{}
	next := 0
	for b := range done {
		waiting[b.number] = b
		for ; waiting[next] != nil; next++ {
			b := waiting[next]
			delete(waiting, next)
			if ctx.Err() == nil {
				if err := handle(b); err != nil {
					cancel(err)
				}
			}
			if cap(b.text) > batchKept {
				b.text = nil
			}
			free <- b
		}
	}
	err = context.Cause(ctx)
	if p, ok := errors.AsType[*fault](err); ok {
		panic(p.Error()) // where whoever started the run expects it
	}
	return err
}

// fault is a panic of a goroutine of ours.
type fault struct {
	value any
	stack []byte
}

func (f *fault) Error() string { return fmt.Sprintf("%v\n%s", f.value, f.stack) }

// guarded turns a panic into an error, so that it does not end the process that
// serves others too.
func guarded(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &fault{p, debug.Stack()}
		}
	}()
	return do()
}

// cutBatches reads the package into batches.
func cutBatches(ctx context.Context, docs *documents, keep func(revision) bool, free <-chan *batch, jobs chan<- *batch) error {
	seen := map[revision]struct{}{}
	for number := 0; ; number++ {
		var b *batch
		select {
		case b = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		b.number, b.text, b.records = number, b.text[:0], b.records[:0]
		var end error
		for passed := 0; len(b.text) < batchBytes && len(b.records) < batchDocuments && passed < 1<<16; passed++ {
			rec, text, err := docs.next(b.text, keep)
			if err != nil {
				end = err
				break
			}
			if keep != nil && !keep(rec.revision) {
				continue
			}
			_, repeated := seen[rec.revision]
			seen[rec.revision] = struct{}{}
			b.records = append(b.records, batchRecord{record: rec, begin: len(b.text), end: len(text), repeated: repeated})
			b.text = text
		}
		b.read = docs.bytes()
		if end != nil && !errors.Is(end, io.EOF) {
			return end
		}
		select {
		case jobs <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
		if end != nil {
			return nil
		}
	}
}

// parse makes updates of a batch's documents.
func (r *run) parse(_ context.Context, parser *metadata.Parser, b *batch) error {
	for i := range b.records {
		rec := &b.records[i]
		if rec.problem != "" {
			continue
		}
		text := b.text[rec.begin:rec.end]
		rec.sum = sha256.Sum256(text)
		rec.plain = rec.sum
		if bytes.IndexByte(text, '\r') >= 0 {
			rec.plain = sha256.Sum256(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
		}
		if rec.repeated {
			continue
		}
		u, err := parser.Parse(bytes.NewReader(text))
		if err != nil {
			rec.problem = err.Error()
			continue
		}
		if u.Identity != rec.key() {
			rec.problem = fmt.Sprintf("its document is that of %s, revision %d", model.Clean(string(u.ID)), u.Revision)
			continue
		}
		rec.update = u
	}
	return nil
}

// keep parses a batch and hands its documents to the generation. Where another
// document of the same revision is kept, that with the smaller digest stays.
func (r *run) keep(ctx context.Context, parser *metadata.Parser, b *batch) error {
	if err := r.parse(ctx, parser, b); err != nil {
		return err
	}
	var bring []model.Document
	var there []model.DocumentKey
	for i := range b.records {
		rec := &b.records[i]
		u := rec.update
		if u == nil {
			continue
		}
		var sum [32]byte
		if sum, rec.kept = r.generation.Kept(u.Identity); rec.kept && bytes.Compare(sum[:], rec.sum[:]) <= 0 {
			rec.other = sum != rec.sum
			there = append(there, u.Identity)
			continue
		}
		bring = append(bring, model.Document{
			DocumentKey: u.Identity, Kind: u.Type, Deployable: u.Deployable, Form: model.DocumentWhole,
			Parts: []model.DocumentPart{{Name: model.PartWhole, Data: b.text[rec.begin:rec.end:rec.end]}},
		})
	}
	if len(bring) > 0 {
		if err := r.generation.Documents(ctx, bring); err != nil {
			return err
		}
	}
	if len(there) > 0 {
		return r.generation.Keep(ctx, there)
	}
	return nil
}
