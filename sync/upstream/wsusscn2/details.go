package wsusscn2

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/s2"

	"fettle/model"
	"fettle/sync/cabinet"
	"fettle/sync/metadata"
	"fettle/sync/upstream"
)

const (
	longestFragment = 64 << 20  // the largest document known has 47 MB
	skimmed         = 8 << 10   // bytes from which a core fragment's rules are not parsed
	usualRaw        = 32 << 20  // of the pieces of one cabinet, as they are; the rest waits compressed
	mostWaiting     = 128 << 20 // of the compressed ones
	arenaSize       = 1 << 20
	batchBytes      = 512 << 10
	batchDocuments  = 200
	toldEvery       = 4 << 20 // unpacked bytes between two reports of progress
)

// details reads the fragments of all detail cabinets (recipe A.6, step 3).
type details struct {
	outer      *outer
	catalogue  *catalogue
	languages  languages
	generation upstream.Generation
	mostRaw    int // bytes that a worker holds as they are

	// What the workers find, by revision. Every revision belongs to one cabinet,
	// a cabinet to one worker, so nothing of it is shared.
	places []place
	kinds  []model.DocumentKind
	deploy []bool // an administrator decides about it

	shelves []*shelf
	tallies []tally
}

// tally counts what is judged at the end.
type tally struct {
	strays      int // files that belong to no revision of package.xml
	missing     int // revisions without a core fragment
	bare        int // software without an extended one
	software    int
	unpacked    int64
	transferred int // documents given to the generation
}

func (t *tally) add(o tally) {
	t.strays += o.strays
	t.missing += o.missing
	t.bare += o.bare
	t.software += o.software
	t.unpacked += o.unpacked
	t.transferred += o.transferred
}

// news is what a worker tells the goroutine that the sink belongs to.
type news struct {
	bytes    int64  // of the file that are done with
	revision int    // that failed
	reason   string // why; empty when nothing failed
}

// read reads all detail cabinets with so many workers and has hear told what
// happens. When it returns, no worker runs any more.
func (d *details) read(ctx context.Context, workers int, hear func(news) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d.places = make([]place, len(d.catalogue.revisions))
	d.kinds = make([]model.DocumentKind, len(d.catalogue.revisions))
	d.deploy = make([]bool, len(d.catalogue.revisions))
	d.shelves = make([]*shelf, workers)
	d.tallies = make([]tally, workers)

	jobs, heard := make(chan opened), make(chan news, 64)
	var running sync.WaitGroup
	running.Go(func() {
		defer close(jobs)
		err := d.outer.shards(ctx, func(o opened) error {
			select {
			case jobs <- o:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		if err != nil {
			cancel(err)
		}
	})
	for n := range workers {
		d.shelves[n] = newShelf()
		running.Go(func() {
			if err := newWorker(ctx, d, n, heard).work(jobs); err != nil {
				cancel(err)
			}
			for range jobs { // the giver of cabinets must not wait for ever
			}
		})
	}
	go func() {
		running.Wait()
		close(heard)
	}()
	for n := range heard {
		if err := hear(n); err != nil {
			cancel(err)
		}
	}
	return context.Cause(ctx)
}

// worker reads one detail cabinet after another.
type worker struct {
	*details
	ctx    context.Context
	heard  chan<- news
	shelf  *shelf
	number uint16
	tally  *tally

	parser   *metadata.Parser
	buffer   []byte // of the fragment that is being read, if it is not to stay as it is
	packed   []byte // of the piece that is being compressed
	unpacked []byte // of the documents in batch
	arenas   [][]byte
	batch    []model.Document
	size     int

	// Of the cabinet that is being read.
	shard   opened
	low     int       // its first revision
	waiting []waiting // for the rest of their pieces, from low on
	held    int       // bytes of compressed pieces
	raw     int       // bytes of the arenas that are taken
	arena   int       // the one that is being filled
	total   int64     // unpacked
	done    int64
	told    int64 // of the file
}

// waiting is a revision whose pieces are being gathered.
type waiting struct {
	want, got uint32
	over      bool // given on, or failed
	pieces    []piece
}

// piece is a part of a document on its way.
type piece struct {
	fragmentKind
	language string
	data     []byte
	size     int  // unpacked, when data is compressed
	loose    bool // data is in the worker's buffer
}

func newWorker(ctx context.Context, d *details, n int, heard chan<- news) *worker {
	return &worker{details: d, ctx: ctx, heard: heard, shelf: d.shelves[n], number: uint16(n + 1), tally: &d.tallies[n]}
}

func (w *worker) work(jobs <-chan opened) error {
	for job := range jobs {
		if err := w.read(job); err != nil {
			return err
		}
	}
	return w.flush()
}

// tell reports news, unless the run has ended.
func (w *worker) tell(n news) error {
	select {
	case w.heard <- n:
		return nil
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
}

// fail reports that a revision could not be read.
func (w *worker) fail(i int, format string, args ...any) error {
	if at := i - w.low; at >= 0 && at < len(w.waiting) {
		w.forget(&w.waiting[at])
	}
	return w.tell(news{revision: i, reason: fmt.Sprintf(format, args...)})
}

// read reads one cabinet.
func (w *worker) read(o opened) error {
	w.shard, w.held, w.done, w.told, w.total, w.raw, w.arena = o, 0, 0, 0, 0, 0, 0
	for i := range w.arenas {
		w.arenas[i] = w.arenas[i][:0]
	}
	// A parser remembers the identifiers it met, which those of another cabinet
	// have little in common with.
	w.parser = metadata.NewParser(metadata.Limits{Rules: -1})
	if err := w.expect(); err != nil {
		return err
	}
	for folder := range o.cabinet.Folders() {
		if err := o.cabinet.Walk(w.ctx, folder, w.visit); err != nil {
			if ended(err) && w.ctx.Err() != nil {
				return context.Cause(w.ctx)
			}
			return w.outer.wrap(o.file, err)
		}
	}
	for at := range w.waiting {
		if !w.waiting[at].over {
			w.tally.missing++
			if err := w.fail(w.low+at, "%s holds no core fragment of it (RevisionId %d)", model.Clean(o.file.Name), w.catalogue.revisions[w.low+at].key); err != nil {
				return err
			}
		}
	}
	if err := w.flush(); err != nil { // the arenas are used again
		return err
	}
	return w.tell(news{bytes: o.file.Size - w.told})
}

// expect counts the pieces of each revision from the cabinet's directory, so
// that it is known when the last one has come.
func (w *worker) expect() error {
	shards := w.outer.index.shards
	first, last := shards[w.shard.shard].first, uint32(1<<31)
	if w.shard.shard+1 < len(shards) {
		last = shards[w.shard.shard+1].first
	}
	w.low, _ = w.catalogue.byKey(first)
	high, _ := w.catalogue.byKey(last)
	w.waiting = make([]waiting, high-w.low)
	for _, f := range w.shard.cabinet.Files() {
		w.total += f.Size
		fragment, ok := parseFragment(f.Name)
		if !ok {
			if strings.HasPrefix(f.Name, "s/") { // offline-catalogues A.2
				return w.implausible("%s holds whole documents (%s), the layout of 2013 and before, which is not read", w.shard.file.Name, f.Name)
			}
			continue
		}
		i, ok := w.catalogue.byKey(fragment.key)
		if !ok {
			w.tally.strays++
			continue
		}
		if i < w.low || i >= high {
			return w.implausible("%s holds the RevisionId %d, which index.xml places elsewhere", w.shard.file.Name, fragment.key)
		}
		if w.takes(fragment, i) {
			w.waiting[i-w.low].want++
		}
	}
	return nil
}

func (w *worker) implausible(format string, args ...any) error {
	return &upstream.ImplausibleError{What: w.outer.name, Why: model.Clean(fmt.Sprintf(format, args...))}
}

// takes says whether a fragment is kept.
func (w *worker) takes(f fragment, i int) bool {
	switch f.kind {
	case fragmentCore, fragmentExtended:
		return true
	}
	return w.languages.has(f.language, w.catalogue.languages[w.catalogue.revisions[i].language])
}

// visit takes one file of the cabinet.
func (w *worker) visit(f *cabinet.File, in io.Reader) error {
	if err := w.advance(f.Size); err != nil {
		return err
	}
	fragment, ok := parseFragment(f.Name)
	if !ok {
		return nil
	}
	i, ok := w.catalogue.byKey(fragment.key)
	if !ok || !w.takes(fragment, i) {
		return nil
	}
	at := &w.waiting[i-w.low]
	if at.over {
		return nil
	}
	if f.Size > longestFragment {
		return w.fail(i, "%s in %s has %s, at most %s are read", model.Clean(f.Name), model.Clean(w.shard.file.Name), bytesInWords(f.Size), bytesInWords(longestFragment))
	}
	data, stays := w.space(int(f.Size))
	if _, err := io.ReadFull(in, data); err != nil {
		return fmt.Errorf("%s: %w", model.Clean(f.Name), err)
	}
	language := strings.ToLower(fragment.language)
	for _, p := range at.pieces {
		if p.fragmentKind == fragment.kind && p.language == language {
			return w.implausible("%s holds %s twice", w.shard.file.Name, f.Name)
		}
	}
	at.got++
	p := piece{fragmentKind: fragment.kind, language: language, data: data, loose: !stays}
	if at.got < at.want && p.loose {
		if p = w.pack(p); w.held > mostWaiting {
			return fmt.Errorf("its fragments are stored so far apart that more than %s would have to be held", bytesInWords(mostWaiting))
		}
	}
	if at.pieces = append(at.pieces, p); at.got < at.want {
		return nil
	}
	return w.complete(i, at)
}

// space gives room for a fragment: room that stays until the cabinet is done, as
// long as there is some, and the buffer after that.
func (w *worker) space(n int) (room []byte, stays bool) {
	if n > arenaSize || w.raw+n > w.mostRaw {
		if cap(w.buffer) > 4<<20 && n < 1<<20 { // one giant must not be held for the rest of the run
			w.buffer = nil
		}
		w.buffer = slices.Grow(w.buffer[:0], n)
		return w.buffer[:n], false
	}
	w.raw += n
	for ; w.arena < len(w.arenas); w.arena++ {
		if a := w.arenas[w.arena]; len(a)+n <= cap(a) {
			w.arenas[w.arena] = a[:len(a)+n]
			return a[len(a) : len(a)+n : len(a)+n], true
		}
	}
	a := make([]byte, n, arenaSize)
	w.arenas = append(w.arenas, a)
	return a[:n:n], true
}

// advance counts bytes and reports progress, in bytes of the file: what a cabinet
// unpacks to is not known before it is opened.
func (w *worker) advance(n int64) error {
	before := w.done / toldEvery
	w.done += n
	w.tally.unpacked += n
	if w.done/toldEvery == before || w.total == 0 {
		return nil
	}
	now := int64(float64(w.shard.file.Size) * float64(w.done) / float64(w.total))
	step := now - w.told
	w.told = now
	return w.tell(news{bytes: step})
}

// pack compresses a piece that has to wait.
func (w *worker) pack(p piece) piece {
	p.size, p.loose = len(p.data), false
	w.packed = slices.Grow(w.packed[:0], s2.MaxEncodedLen(p.size))
	p.data = slices.Clone(s2.Encode(w.packed[:cap(w.packed)], p.data))
	if cap(w.packed) > 4<<20 {
		w.packed = nil
	}
	w.held += len(p.data)
	return p
}

// forget lets go of what a revision held.
func (w *worker) forget(at *waiting) {
	for _, p := range at.pieces {
		if p.size > 0 {
			w.held -= len(p.data)
		}
	}
	at.over, at.pieces = true, nil
}

// complete makes the document of a revision whose pieces are all here.
func (w *worker) complete(i int, at *waiting) error {
	r := &w.catalogue.revisions[i]
	document := model.Document{DocumentKey: r.identity(), Form: model.DocumentFragments}
	slices.SortFunc(at.pieces, func(a, b piece) int {
		if a.fragmentKind != b.fragmentKind {
			return int(a.fragmentKind) - int(b.fragmentKind)
		}
		return strings.Compare(a.language, b.language)
	})
	var core, extended []byte
	texts := make(map[string][]byte, 2)
	for _, p := range at.pieces {
		data, err := w.unpack(p)
		if err != nil {
			return w.fail(i, "keeping a fragment: %v", err)
		}
		w.size += len(data)
		var name string
		switch p.fragmentKind {
		case fragmentCore:
			name, core = model.PartCore, data
		case fragmentExtended:
			name, extended = model.PartExtended, data
		case fragmentText:
			name, texts[p.language] = model.PartText+p.language, data
		case fragmentEula:
			name = model.PartEula + p.language
		}
		document.Parts = append(document.Parts, model.DocumentPart{Name: name, Data: data})
	}
	w.forget(at)
	if core == nil {
		w.tally.missing++
		return w.fail(i, "%s holds no core fragment of it (RevisionId %d)", model.Clean(w.shard.file.Name), r.key)
	}
	u, err := w.parse(core, extended, texts)
	if err != nil {
		return w.fail(i, "reading its fragments in %s (RevisionId %d): %v", model.Clean(w.shard.file.Name), r.key, err)
	}
	if u.Identity != document.DocumentKey {
		return w.fail(i, "%s says that the fragments with RevisionId %d are those of %s revision %d", model.Clean(w.shard.file.Name), r.key, model.Clean(string(u.ID)), u.Revision)
	}
	if w.places[i], err = w.shelf.put(u); err != nil {
		return err
	}
	w.places[i].shelf = w.number
	document.Kind, document.Deployable = u.Type, u.Deployable
	w.kinds[i], w.deploy[i] = u.Type, u.Deployable
	if u.Type == model.DocumentSoftware {
		w.tally.software++
		if extended == nil {
			w.tally.bare++
		}
	}
	if w.batch = append(w.batch, document); len(w.batch) == batchDocuments || w.size >= batchBytes {
		return w.flush()
	}
	return nil
}

// parse reads what the fragments say, but not the rules of a large core fragment:
// those are component manifests, most of the 25 GB that a real edition unpacks to
// (offline-catalogues A.5). Their digest is all that is needed here, and whoever
// evaluates them parses the document that is kept.
func (w *worker) parse(core, extended []byte, texts map[string][]byte) (*metadata.Update, error) {
	if len(core) >= skimmed {
		if head, rules, ok := cutRules(core); ok {
			u, err := w.parser.ParseFragments(head, extended, texts)
			if err != nil || u.Type != model.DocumentDriver { // a driver's hardware is among its rules
				if err == nil {
					u.RulesSize, u.RulesDigest = int64(len(rules)), sha256.Sum256(rules)
				}
				return u, err
			}
		}
	}
	return w.parser.ParseFragments(core, extended, texts)
}

var (
	rulesOpen  = []byte("<ApplicabilityRules>")
	rulesClose = []byte("</ApplicabilityRules>")
)

// cutRules cuts a core fragment before its rules, which come last. Where anything
// is not as it always is, it leaves the cutting to a parser.
func cutRules(core []byte) (head, rules []byte, ok bool) {
	from := bytes.Index(core, rulesOpen)
	if from < 0 {
		return nil, nil, false
	}
	head, rules = core[:from], core[from:]
	end := bytes.Index(rules, rulesClose)
	return head, rules, end >= 0 && end+len(rulesClose) == len(rules) && !bytes.Contains(rules[1:], rulesOpen) && !bytes.Contains(head, []byte("<!"))
}

// unpack gives a piece's bytes, which stay as they are until the batch is sent.
func (w *worker) unpack(p piece) ([]byte, error) {
	from := len(w.unpacked)
	switch {
	case p.size > 0:
		w.unpacked = slices.Grow(w.unpacked, p.size)[:from+p.size]
		if out, err := s2.Decode(w.unpacked[from:], p.data); err != nil || len(out) != p.size {
			return nil, errors.Join(err, errors.New("it did not come back as it was"))
		}
	case p.loose:
		w.unpacked = append(w.unpacked, p.data...)
	default:
		return p.data, nil
	}
	return w.unpacked[from:len(w.unpacked):len(w.unpacked)], nil
}

// flush gives the batch to the generation.
func (w *worker) flush() error {
	if len(w.batch) == 0 {
		return nil
	}
	if err := w.generation.Documents(w.ctx, w.batch); err != nil {
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		return fmt.Errorf("storing documents of %s: %w", w.outer.name, err)
	}
	w.tally.transferred += len(w.batch)
	clear(w.batch)
	w.batch, w.size = w.batch[:0], 0
	if cap(w.unpacked) > 4<<20 {
		w.unpacked = nil
	}
	w.unpacked = w.unpacked[:0]
	return nil
}

// get gives what the document of a revision says; nil when it was not read.
func (d *details) get(i int) (*metadata.Update, error) {
	p := d.places[i]
	if p.shelf == 0 {
		return nil, nil
	}
	return d.shelves[p.shelf-1].take(p)
}
