package debian

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"fettle/model"
	"fettle/sync/upstream"
	"fettle/sync/upstream/debian/archive"
)

// Refresh says when a run begins with apt-get update.
type Refresh uint8

// When apt's lists are refreshed.
const (
	RefreshWhenRoot Refresh = iota // the superuser may: apt's lists belong to it
	RefreshAlways                  // another root, whose lists belong to the caller
	RefreshNever
)

// Options configure a Source. The zero value is this computer's own apt.
type Options struct {
	Upstream string   // name of the upstream, which updates and categories carry
	Apt      []string // options for every call of apt, "Dir=/srv/root": another root
	Refresh  Refresh
	Timeout  time.Duration // for apt-get update; 0 = 10 minutes
	// Force accepts a suite older than the one of the last run, and a list that
	// lost 30 % of its packages. It is for one run, at an administrator's word.
	Force bool

	Runner Runner           // nil = Programs
	Files  fs.FS            // the file system from its root; nil = the computer's
	Now    func() time.Time // nil = time.Now
	Root   func() bool      // whether the caller is the superuser; nil = asks the system
}

// Source is the upstream debian=apt. It holds no state but its options: several
// runs may follow each other.
type Source struct {
	options Options
	apt     *apt
}

var _ upstream.Source = (*Source)(nil)

// New makes a Source.
func New(o Options) (*Source, error) {
	if o.Runner == nil {
		o.Runner = Programs{}
	}
	if o.Files == nil {
		o.Files = os.DirFS("/")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Root == nil {
		o.Root = func() bool { return os.Geteuid() == 0 }
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Minute
	}
	for _, option := range o.Apt {
		if name, _, ok := strings.Cut(option, "="); !ok || name == "" {
			return nil, fmt.Errorf("%q is not an option of apt; write NAME=VALUE", model.Clean(option))
		}
	}
	return &Source{options: o, apt: &apt{runner: o.Runner, files: o.Files, options: o.Apt}}, nil
}

// refreshes says whether a run begins with apt-get update.
func (s *Source) refreshes() bool {
	switch s.options.Refresh {
	case RefreshAlways:
		return true
	case RefreshNever:
		return false
	}
	return s.options.Root()
}

// Test describes each configured release in a sentence. It reads no list.
func (s *Source) Test(ctx context.Context) ([]string, error) {
	c, err := s.configuration(ctx)
	if err != nil {
		return nil, err
	}
	var sentences []string
	for _, r := range c.releases {
		sentence := r.describe()
		if problem := r.problem(); problem != nil {
			sentence += ", but " + problem.Error()
		}
		sentences = append(sentences, sentence+".")
	}
	for _, f := range c.failures {
		sentences = append(sentences, fmt.Sprintf("%s: %s.", f.Item, f.Reason))
	}
	if len(c.releases) == 0 && !s.refreshes() {
		return sentences, errNoLists(c)
	}
	return sentences, nil
}

// errNoLists says that there is nothing to read.
func errNoLists(c *configuration) error {
	if c.configured == 0 {
		return errors.New("apt has no archives to read: add one to /etc/apt/sources.list.d, then run apt-get update as root")
	}
	return errors.New("apt has no package lists that can be used yet: run apt-get update as root")
}

// Estimate reads the lists of the releases that changed since anchor and counts
// their updates. It neither refreshes nor writes.
func (s *Source) Estimate(ctx context.Context, anchor []byte) (model.Estimate, error) {
	// Measured on two cores: reading 50 MB of lists takes about a second, storing
	// 35,000 updates about six.
	const bytesPerSecond, updatesPerSecond = 50 << 20, 6000
	var e model.Estimate
	before, err := decodeAnchor(anchor)
	if err != nil {
		e.Remarks = append(e.Remarks, "The state of the last synchronization was not readable: everything is read again.")
	}
	c, err := s.configuration(ctx)
	if err != nil {
		return e, err
	}
	for _, r := range c.releases {
		if before.Releases[r.name()].sameLists(r.mark()) {
			continue
		}
		err := r.problem()
		var catalogue *archive.Catalogue
		if err == nil {
			catalogue, _, err = s.read(ctx, r, func(model.Progress) {})
		}
		if ctx.Err() != nil {
			return e, ctx.Err()
		}
		if err != nil {
			e.Remarks = append(e.Remarks, fmt.Sprintf("%s cannot be read as it is: %v.", r.name(), err))
			continue
		}
		e.Updates += catalogue.Len()
		for _, l := range r.lists {
			e.Bytes += l.size
		}
	}
	seconds := float64(e.Bytes)/bytesPerSecond + float64(e.Updates)/updatesPerSecond
	e.Time = time.Duration(seconds * float64(time.Second)).Round(time.Second)
	switch {
	case s.refreshes():
		e.Time += 15 * time.Second
		e.Remarks = append(e.Remarks, "About: apt's lists are refreshed first, which may bring more.")
	default:
		asked, err := s.apt.asked(ctx)
		if err != nil {
			return e, err
		}
		e.Remarks = append(e.Remarks, "apt's lists are used as they are: "+s.age(asked, c)+".")
	}
	for _, f := range c.failures {
		e.Remarks = append(e.Remarks, f.Item+": "+f.Reason+".")
	}
	return e, nil
}

// Synchronize refreshes the lists where allowed, then sends every release that
// changed since the anchor.
func (s *Source) Synchronize(ctx context.Context, from []byte, sink upstream.Sink, progress func(model.Progress)) error {
	if progress == nil {
		progress = func(model.Progress) {}
	}
	state, err := decodeAnchor(from)
	if err != nil {
		sink.Remark("The state of the last synchronization was not readable: everything was read again.")
	}
	asked, err := s.apt.asked(ctx) // before asking again
	if err != nil {
		return err
	}
	used, err := s.refresh(ctx, sink, progress)
	if err != nil {
		return err
	}
	c, err := s.configuration(ctx)
	if err != nil {
		return err
	}
	if used != "" {
		sink.Remark(used + ": " + s.age(asked, c) + ".")
	}
	for _, f := range c.failures {
		sink.Fail(f.Item, f.Reason)
	}
	if len(c.releases) == 0 {
		return errNoLists(c)
	}
	run := &run{source: s, sink: sink, progress: progress, state: state, sent: from}
	var failed []error
	for _, r := range c.releases {
		err := run.release(ctx, r)
		var refused *refusal
		switch {
		case errors.As(err, &refused):
			sink.Fail(r.name(), refused.Error())
			failed = append(failed, fmt.Errorf("%s: %w", r.name(), refused))
		case err != nil:
			return err
		}
	}
	if err := run.farewell(ctx, c); err != nil {
		return err
	}
	return errors.Join(failed...)
}

// refresh runs apt-get update where that is allowed. If lists are used that are
// not fresh, it says why in used.
func (s *Source) refresh(ctx context.Context, sink upstream.Sink, progress func(model.Progress)) (used string, err error) {
	switch {
	case s.refreshes():
	case s.options.Refresh == RefreshNever:
		return "apt's lists were used as they are, since refreshing is switched off", nil
	default:
		return "apt's lists were used as they are, since only root can refresh them", nil
	}
	since := s.options.Now()
	step := model.Progress{Phase: "Refreshing the lists", Since: since}
	progress(step)
	failed, err := s.apt.refresh(ctx, s.options.Timeout, func(files int64) {
		step.Done = files
		progress(step)
	})
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return fmt.Sprintf("apt's lists could not be refreshed (%s) and were used as they are", model.Clean(err.Error())), nil
	}
	for _, f := range failed {
		sink.Fail(f.Item, f.Reason)
	}
	if len(failed) > 0 {
		return fmt.Sprintf("%s could not be refreshed and the existing lists were used as they are", count(len(failed), "source")), nil
	}
	return "", nil
}

// age words how old the lists are. That apt asked does not mean that it was
// answered, hence the date of the newest.
func (s *Source) age(asked time.Time, c *configuration) string {
	if asked.IsZero() || c.newest.IsZero() {
		return "they were never fetched"
	}
	return fmt.Sprintf("apt last asked for them %s, the newest is of %s", s.ago(asked), day(c.newest))
}

// ago words an age: "3 days ago".
func (s *Source) ago(t time.Time) string {
	d := s.options.Now().Sub(t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return count(int(d/time.Minute), "minute") + " ago"
	case d < 48*time.Hour:
		return count(int(d/time.Hour), "hour") + " ago"
	}
	return count(int(d/(24*time.Hour)), "day") + " ago"
}

// count words a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// run is one synchronization under way.
type run struct {
	source   *Source
	sink     upstream.Sink
	progress func(model.Progress)
	state    anchor
	sent     []byte // the anchor as the sink has it
}

// refusal is why one release was not imported; the others go on.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }

func refuse(format string, args ...any) error { return &refusal{fmt.Errorf(format, args...)} }

// release brings one release into step.
func (r *run) release(ctx context.Context, rel *release) error {
	old := r.state.Releases[rel.name()]
	if err := rel.problem(); err != nil {
		return &refusal{err}
	}
	if err := rel.missing(old); err != nil {
		return &refusal{err}
	}
	if err := r.replayed(rel, old); err != nil {
		return err
	}
	r.remarkExpired(rel)
	now := rel.mark()
	if old.sameLists(now) {
		for uri, l := range now.Lists {
			l.Packages = old.Lists[uri].Packages
			now.Lists[uri] = l
		}
		return r.save(ctx, rel.name(), now, false)
	}
	catalogue, packages, err := r.source.read(ctx, rel, r.progress)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &refusal{err}
	}
	if err := r.replayed(rel, old); err != nil { // reading may have found newer lists, or older ones
		return err
	}
	now = rel.mark()
	for uri, l := range now.Lists {
		l.Packages = packages[uri]
		now.Lists[uri] = l
	}
	if err := r.plausible(old, now); err != nil {
		return err
	}
	if err := r.send(ctx, rel, catalogue); err != nil {
		return err
	}
	return r.save(ctx, rel.name(), now, true)
}

// replayed refuses a suite that is older than the one of the last run: an old
// snapshot is signed as well as a new one (offline-catalogues E.1). The date
// counts of the newest mirror of a suite.
func (r *run) replayed(rel *release, old releaseMark) error {
	if r.source.options.Force {
		return nil
	}
	now := rel.mark()
	for _, name := range slices.Sorted(maps.Keys(now.Suites)) {
		before, ok := old.Suites[name]
		if ok && now.Suites[name].Date.Before(before.Date) {
			return refuse("%s is of %s, older than that of the last synchronization (%s), so nothing of it was imported; "+
				"its mirror may be behind, or somebody replays an old snapshot: compare it with another mirror, run apt-get update, "+
				"or force the synchronization if it is right", model.Clean(name), day(now.Suites[name].Date), day(before.Date))
		}
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// remarkExpired tells of suites whose archive promised a newer file by now. apt
// refuses to fetch such a file, but does not remove one that became old.
func (r *run) remarkExpired(rel *release) {
	said := map[string]bool{}
	for _, l := range rel.lists {
		until := l.suite.ValidUntil
		if name := l.suite.Codename; !until.IsZero() && until.Before(r.source.options.Now()) && !said[name] {
			said[name] = true
			r.sink.Remark(fmt.Sprintf("The lists of %s expired on %s: newer ones must exist. Run apt-get update.", model.Clean(name), day(until)))
		}
	}
}

// A list that had at least plausibleFrom packages may not lose more than 30 %
// at once. The limit is for small suites: a "-updates" suite is emptied with each
// point release.
const plausibleFrom = 200

// plausible refuses a list that lost too much (offline-catalogues F.3). Lists of
// the same suite from several mirrors count once.
func (r *run) plausible(old, now releaseMark) error {
	if r.source.options.Force {
		return nil
	}
	type part struct{ suite, component, arch string }
	sizes := func(m releaseMark) map[part]int {
		s := map[part]int{}
		for _, l := range m.Lists {
			p := part{l.Suite, l.Component, l.Arch}
			s[p] = max(s[p], l.Packages)
		}
		return s
	}
	after := sizes(now)
	for p, before := range sizes(old) {
		n, ok := after[p]
		if ok && before >= plausibleFrom && n*10 < before*7 {
			return refuse("the list of %s/%s (%s) has %s, it had %d in the last synchronization, so nothing of the release was imported; "+
				"see whether the archive is all right and run apt-get update, or force the synchronization if it is",
				model.Clean(p.suite), model.Clean(p.component), model.Clean(p.arch), count(n, "package"), before)
		}
	}
	return nil
}

// send gives a release to the sink.
func (r *run) send(ctx context.Context, rel *release, catalogue *archive.Catalogue) error {
	name := r.source.options.Upstream
	categories := catalogue.Categories()
	for i := range categories {
		categories[i].Upstream = name
	}
	if err := r.sink.Categories(ctx, categories); err != nil {
		return err
	}
	// How many there are only the source knows, hence the progress of storing
	// is reported here.
	step := model.Progress{Phase: "Storing " + model.Clean(rel.name()), Total: int64(catalogue.Len()), Since: r.source.options.Now()}
	batch := make([]*model.Update, 0, upstream.BatchSize)
	flush := func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(batch) == 0 {
			return nil
		}
		r.progress(step)
		if err := r.sink.Updates(ctx, batch); err != nil {
			return err
		}
		step.Done += int64(len(batch))
		r.progress(step)
		batch = make([]*model.Update, 0, upstream.BatchSize) // the sink may keep the old one
		return nil
	}
	for u := range catalogue.Updates() {
		u.Upstream = name
		if batch = append(batch, u); len(batch) == cap(batch) {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	for _, f := range catalogue.Failures() {
		r.sink.Fail(f.Item, f.Reason)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.sink.Complete(ctx, catalogue.Scope(), catalogue.Present())
}

// save moves the anchor behind a release. If nothing was sent and the anchor stays
// the same, neither is it: an unchanged archive writes nothing.
func (r *run) save(ctx context.Context, name string, m releaseMark, sent bool) error {
	r.state.Releases[name] = m
	data, err := r.state.encode()
	if err = cmp.Or(err, ctx.Err()); err != nil || !sent && bytes.Equal(data, r.sent) {
		return err
	}
	if err := r.sink.Anchor(ctx, data); err != nil {
		return err
	}
	r.sent = data
	return nil
}

// farewell tells, once, of releases that this computer is no longer configured
// for.
func (r *run) farewell(ctx context.Context, c *configuration) error {
	for _, name := range slices.Sorted(maps.Keys(r.state.Releases)) {
		m := r.state.Releases[name]
		if m.Gone || c.has(name) || c.pending(m) {
			continue
		}
		m.Gone = true
		r.sink.Remark(fmt.Sprintf("%s is no longer configured in apt's sources: its updates stay as they were last seen.", model.Clean(name)))
		if err := r.save(ctx, name, m, false); err != nil {
			return err
		}
	}
	return nil
}
