// Package upstream is what every source of a catalogue has in common: the
// interface by which a synchronization is driven, and the sink that receives
// what it finds.
//
// A Source reads one configured upstream: a Debian archive, Microsoft Update, an
// offline catalogue. It knows nothing of the store and remembers nothing between
// runs: what it must know of the last run is in the anchor, bytes that only the
// source understands, which the sink keeps for it. A source therefore sends
// complete descriptions of everything that may have changed, and the sink
// compares them with what is stored and writes only what differs.
//
// A run is a sequence of phases, each ended by Sink.Anchor: what was sent before
// it is durable when Anchor returns, so that a run which is cancelled or fails
// later is continued from there. Between two anchors a source sends categories
// first, then updates, then Complete for the scope that it has sent in full.
//
// Concurrency: all methods of a Source run in the caller's goroutine, call sink
// and progress from that goroutine only, and return soon after ctx has ended,
// with an error that wraps ctx.Err(). Goroutines and programs that a source
// starts have ended when its method returns.
package upstream

import (
	"context"

	"fettle/model"
)

// BatchSize is the largest number of updates in one call of Sink.Updates.
const BatchSize = 500

// Source is one configured upstream.
type Source interface {
	// Test checks that the upstream can be reached or read, and describes it in
	// a sentence per archive.
	Test(ctx context.Context) ([]string, error)
	// Estimate says what a synchronization from the anchor would read. It writes
	// nothing.
	Estimate(ctx context.Context, anchor []byte) (model.Estimate, error)
	// Synchronize sends what is new since anchor (nil: everything) to sink and
	// reports progress.
	Synchronize(ctx context.Context, anchor []byte, sink Sink, progress func(model.Progress)) error
}

// Sink receives what a synchronization finds. Calls come from one goroutine. An
// error of a sink ends the run.
type Sink interface {
	// Categories brings products, each after its parent.
	Categories(ctx context.Context, c []model.Category) error
	// Updates brings complete descriptions without Number, Revision and Arrived,
	// at most BatchSize at a time. The sink keeps the values that it is given.
	// Where Released is only a bound (NotLater), the sink keeps the earlier of
	// the stored and the new one.
	Updates(ctx context.Context, u []*model.Update) error
	// Complete says that everything of scope was sent: what is stored with an ID
	// that begins with scope and is not in present left the archive and is
	// withdrawn. The sink does not change present nor keep it.
	Complete(ctx context.Context, scope string, present map[model.UpdateID]struct{}) error
	// Generation begins to take in a catalogue that is in force as a whole or not
	// at all. Its Switch does what Anchor and Complete do for the others.
	Generation(ctx context.Context) (Generation, error)
	// Anchor makes what went before durable; the next run continues from here.
	Anchor(ctx context.Context, anchor []byte) error
	// Fail reports one item that could not be imported; the run goes on.
	Fail(item, reason string)
	// Remark reports something that the administrator should know, such as "the
	// lists are 3 days old".
	Remark(text string)
}
