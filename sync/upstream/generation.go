package upstream

import (
	"context"
	"errors"

	"fettle/model"
)

// Generation takes in a whole catalogue that is only in force as a whole: an
// edition of an offline catalogue, an export of another server. Nothing of it is
// seen before Switch; without Switch, or when that fails, everything stays as it
// was (offline-catalogues F.2).
//
// Documents, Kept and Keep may be called from several goroutines; the others
// from one.
type Generation interface {
	// Kept gives the digest of a revision's document (model.Document.Sum) where
	// the store has it already from this upstream.
	Kept(key model.DocumentKey) (sum [32]byte, ok bool)
	// Documents brings originals. What is kept already and equal is not written
	// again. Those given are not changed nor kept after the call.
	Documents(ctx context.Context, d []model.Document) error
	// Keep says that revisions which are kept already belong to this generation.
	Keep(ctx context.Context, keys []model.DocumentKey) error
	// Categories brings products, what groups them and classifications.
	Categories(ctx context.Context, c []model.Category) error
	// Updates brings complete descriptions of what administrators decide about,
	// without Number, Revision and Arrived, in any order. An update comes once.
	Updates(ctx context.Context, u []*model.Update) error
	// Switch puts the generation in force.
	Switch(ctx context.Context, o Switch) error
	// Discard forgets what was brought; after Switch it does nothing.
	Discard() error
}

// Switch says how a generation comes into force.
type Switch struct {
	Anchor   []byte // what the next run continues from
	Complete bool   // what this upstream brought before and is not in this generation is withdrawn
	Force    bool   // although it is implausibly small beside what is in force
}

// ImplausibleError says that a catalogue cannot be what it claims to be, and was
// not taken in: a format that changed must not empty a catalogue
// (offline-catalogues F.3).
type ImplausibleError struct {
	What string // what was read
	Why  string // what is wrong with it
}

func (e *ImplausibleError) Error() string {
	return "the contents of " + e.What + " are implausible, nothing was taken in: " + e.Why
}

// NoGenerations is part of sinks that take in what they are sent at once.
type NoGenerations struct{}

// Generation refuses.
func (NoGenerations) Generation(context.Context) (Generation, error) {
	return nil, errors.New("no catalogue can be taken in as a whole here")
}
