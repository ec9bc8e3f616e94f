package agents

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
	"fettle/store"
	"fettle/sync/agent/protocol"
)

// Await answers when what the server wants of a computer differs from what the
// computer knows, which its mark names: an approval, a decline, a policy, a
// membership, an inventory that was evaluated again. It answers at once when that
// is so already, so that nothing is missed between two questions; else it waits
// as long as ctx lasts. Without a mark the computer is told of what changes from
// now on.
func (s *Server) Await(ctx context.Context, r protocol.AwaitRequest) (protocol.Awaited, error) {
	a, err := s.await(ctx, &r)
	if err != nil {
		return a, fmt.Errorf("waiting for decisions about %s: %w", text(string(cmp.Or(s.id, r.Computer)), longName), err)
	}
	return a, nil
}

func (s *Server) await(ctx context.Context, r *protocol.AwaitRequest) (protocol.Awaited, error) {
	answer := protocol.Awaited{Version: protocol.Version}
	if err := protocol.CheckVersion(r.Version); err != nil {
		return answer, err
	}
	if err := s.endpoint.store.WaitLoaded(ctx); err != nil {
		return answer, err
	}
	id, err := s.who(r.Computer)
	if err != nil {
		return answer, err
	}
	c, err := known(s.endpoint.store.Snapshot(), id)
	if err != nil {
		return answer, err
	}
	w, leave := s.endpoint.waking.join(s.endpoint.store, c.Number, r.Mark)
	defer leave()
	select {
	case answer = <-w.told:
		return answer, nil
	case <-ctx.Done():
		return answer, context.Cause(ctx)
	}
}

// Recheck looks whether any computer that waits has something else to do now. It
// is for facts that no journal entry and no report tells of: a catalogue that
// changed, memberships that follow the clock. It returns at once.
func (e *Endpoint) Recheck() { e.waking.recheck() }

// waking tells computers that wait what concerns them. One goroutine does so for
// all of them, from the first that waits until the last has gone; it looks at the
// journal's head first, so that a commit which decides nothing (a report, an
// import) costs one comparison however many wait, and at a journal entry's
// updates before it works out anybody's duty.
type waking struct {
	mu      sync.Mutex
	waiting map[uint32][]*waiter // by computer
	count   int
	round   *round // nil = nobody waits
	joined  int    // calls of Await so far
	looked  int    // duties that were worked out for them by rounds
	idle    func() // called under mu when a round has looked at everything, and when somebody came or went; for tests
}

// waiter is one call of Await.
type waiter struct {
	computer uint32
	duty     duty // as the computer knows it
	told     chan protocol.Awaited
}

// round is the goroutine that serves the waiters.
type round struct {
	store *store.Store
	stop  context.CancelFunc
	ended chan struct{}
	again chan struct{} // Recheck wants a look

	head         uint64 // the last journal entry that was looked at
	asked, given int    // calls of Recheck, and those that were looked after
}

// join makes somebody wait. leave ends that, and waits for the goroutine if it
// was the last.
func (k *waking) join(s *store.Store, computer uint32, mark []byte) (*waiter, func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.round == nil {
		// It watches before the first duty is worked out: no commit falls between.
		ctx, stop := context.WithCancel(context.Background())
		k.round = &round{store: s, stop: stop, ended: make(chan struct{}), again: make(chan struct{}, 1)}
		k.round.head, _ = s.Snapshot().Journal()
		go k.serve(ctx, k.round, s.Watch(ctx))
	}
	k.count++
	k.joined++
	w := &waiter{computer: computer, told: make(chan protocol.Awaited, 1)}
	if k.waiting == nil {
		k.waiting = map[uint32][]*waiter{}
	}
	k.waiting[computer] = append(k.waiting[computer], w)
	snap := s.Snapshot()
	if c := snap.Computer(computer); c != nil {
		w.duty = dutyOf(snap, c)
		if now := w.duty.mark(); len(mark) > 0 && !bytes.Equal(mark, now) {
			w.tell(protocol.Awaited{Version: protocol.Version, Mark: now, CheckIn: true, Reason: "something was decided since it last asked"})
		}
	} else { // just now
		w.look(snap)
	}
	k.changed()
	return w, func() { k.leave(w) }
}

func (k *waking) leave(w *waiter) {
	k.mu.Lock()
	list := slices.DeleteFunc(k.waiting[w.computer], func(o *waiter) bool { return o == w })
	if k.waiting[w.computer] = list; len(list) == 0 {
		delete(k.waiting, w.computer)
	}
	k.count--
	var over *round
	if k.count == 0 {
		over, k.round = k.round, nil
	}
	k.changed()
	k.mu.Unlock()
	if over != nil {
		over.stop()
		<-over.ended
	}
}

// changed tells tests that something did. The caller holds mu.
func (k *waking) changed() {
	if k.idle != nil {
		k.idle()
	}
}

// tell answers a waiter. One that was answered already needs no second answer.
func (w *waiter) tell(a protocol.Awaited) {
	select {
	case w.told <- a:
	default:
	}
}

func (k *waking) recheck() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.round != nil {
		k.round.asked++
		select {
		case k.round.again <- struct{}{}:
		default:
		}
	}
}

// serve is the goroutine.
func (k *waking) serve(ctx context.Context, r *round, changes <-chan struct{}) {
	defer close(r.ended)
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.again:
		case <-changes:
		}
		// Waiters and snapshot are taken together: whoever joins later has seen
		// this snapshot or a newer one.
		k.mu.Lock()
		snap := r.store.Snapshot()
		head, _ := snap.Journal()
		from, asked := r.head, r.asked
		all := asked != r.given
		var list []*waiter
		if all || head != from {
			for _, l := range k.waiting {
				list = append(list, l...)
			}
		}
		k.mu.Unlock()
		sc := everybody
		if !all && len(list) > 0 {
			sc = r.scope(snap, from, head)
		}
		looked := 0
		for _, w := range list {
			if ctx.Err() != nil {
				return
			}
			if sc.concerns(snap, w) {
				looked++
				w.look(snap)
			}
		}
		k.mu.Lock()
		r.head, r.given = head, asked
		k.looked += looked
		k.changed()
		k.mu.Unlock()
	}
}

// look works out what a waiter's computer is to do now, and tells it if that is
// something else.
func (w *waiter) look(snap *store.Snapshot) {
	answer := protocol.Awaited{Version: protocol.Version, CheckIn: true}
	c := snap.Computer(w.computer)
	if c == nil {
		answer.Reason = "it was removed from the server"
		w.tell(answer)
		return
	}
	now := dutyOf(snap, c)
	if now.equal(w.duty) {
		return
	}
	answer.Mark, answer.Reason = now.mark(), now.reason(w.duty)
	if now.remainsOf(w.duty, snap, w.computer) {
		answer.CheckIn, answer.Reason = false, ""
	}
	w.tell(answer)
}

// touched looks after the waiters of one computer whose status was recorded.
func (e *Endpoint) touched(computer uint32) {
	k := &e.waking
	k.mu.Lock()
	list := slices.Clone(k.waiting[computer])
	k.mu.Unlock()
	if len(list) == 0 {
		return
	}
	snap := e.store.Snapshot()
	for _, w := range list {
		w.look(snap)
	}
}

// scope is whom journal entries can concern: nobody, everybody, or those who
// need certain updates.
type scope struct {
	all     bool
	updates *roaring.Bitmap // nil = none
}

var everybody = scope{all: true}

// mostEntries is how many entries are read for one look; after more it is
// cheaper to look after everybody.
const mostEntries = 256

// scope reads the journal's entries after from, up to head.
func (r *round) scope(snap *store.Snapshot, from, head uint64) scope {
	if head < from || head-from > mostEntries {
		return everybody
	}
	sc := scope{updates: roaring.New()}
	for seq := from + 1; seq <= head && !sc.all; seq++ {
		e, err := r.store.Entry(seq)
		if err != nil {
			return everybody // to wake too many costs little, to wake nobody an installation
		}
		sc.add(snap, &e.Change)
		if i := e.Inverse; i != nil && (i.Kind == model.ChangeDecline || i.Kind == model.ChangeUndecline) {
			sc.updates.AddMany(i.Updates) // what a declined one bundles stands only there
		}
	}
	return sc
}

func (sc *scope) add(snap *store.Snapshot, c *model.Change) {
	switch c.Kind {
	case model.ChangePropose, model.ChangeReject: // nothing of it is in force
		return
	case model.ChangeRuleAdd, model.ChangeRuleSet, model.ChangeRuleRemove, model.ChangeSeen, model.ChangeUnseen, model.ChangePostpone, model.ChangeResume,
		model.ChangeUpstream, model.ChangeUpstreamEnd, model.ChangeRevisions:
	case model.ChangeApprove, model.ChangeDecline, model.ChangeUndecline, model.ChangeReinstate,
		model.ChangeLicence, model.ChangeLicenceEnd, model.ChangeForget:
		sc.updates.AddMany(c.Updates)
	case model.ChangeRetract, model.ChangeRestore:
		if d := snap.Deployment(c.Deployment); d != nil {
			sc.updates.AddMany(d.Updates)
		} else {
			sc.all = true
		}
	default: // groups, policies, options, setup, settings
		sc.all = true
	}
	for i := range c.Also {
		sc.add(snap, &c.Also[i])
	}
}

// concerns says whether a waiter's duty may have changed.
func (sc scope) concerns(snap *store.Snapshot, w *waiter) bool {
	if sc.all {
		return true
	}
	if sc.updates.IsEmpty() {
		return false
	}
	// What was declined is needed by nobody any more, but still in the duty.
	return slices.ContainsFunc(w.duty.wants, func(x want) bool { return sc.updates.Contains(x.update) }) ||
		slices.ContainsFunc(snap.NeededBy(w.computer), sc.updates.Contains)
}
