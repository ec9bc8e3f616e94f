package agents

import (
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"fettle/model"
	"fettle/store"
)

// Options of an endpoint.
type Options struct {
	Clock func() time.Time // nil = the store's
	Log   *slog.Logger
}

// Endpoint serves our own agents over one store.
type Endpoint struct {
	store *store.Store
	clock func() time.Time
	log   *slog.Logger

	seed  maphash.Seed
	locks [64]sync.Mutex // by computer, striped

	waking waking

	mu      sync.Mutex
	digests map[model.ComputerID]string // of the inventory that is stored, as the agent computed it
}

// New makes an endpoint.
func New(s *store.Store, o Options) *Endpoint {
	if o.Clock == nil {
		o.Clock = s.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Endpoint{store: s, clock: o.Clock, log: o.Log, seed: maphash.MakeSeed(), digests: map[model.ComputerID]string{}}
}

// For gives the server as one computer sees it. The caller has established who
// it is: from the certificate of the connection, or because it is the computer
// that this process runs on (local). Only then may id be empty: an agent of our
// own process is believed who it says it is.
func (e *Endpoint) For(id model.ComputerID, local bool) *Server {
	return &Server{endpoint: e, id: id, local: local}
}

// Server answers one computer; it implements agent.Server and agent.Caller.
type Server struct {
	endpoint *Endpoint
	id       model.ComputerID
	local    bool
}

// who says which computer is speaking.
func (s *Server) who(claimed model.ComputerID) (model.ComputerID, error) {
	switch {
	case s.id != "":
		return s.id, nil
	case s.local && claimed != "" && len(claimed) <= longName && model.Clean(string(claimed)) == string(claimed):
		return claimed, nil
	}
	return "", &model.Refusal{Code: "identity", What: "The message was refused", Why: "the connection does not say which computer it comes from"}
}

// lock takes a computer's lock and gives the function that releases it.
func (e *Endpoint) lock(id model.ComputerID) (unlock func()) {
	m := &e.locks[maphash.String(e.seed, string(id))%uint64(len(e.locks))]
	m.Lock()
	return m.Unlock
}

// now is the clock in the precision that is kept.
func (e *Endpoint) now() time.Time { return e.clock().UTC().Truncate(time.Millisecond) }
