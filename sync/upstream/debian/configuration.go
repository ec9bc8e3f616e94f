package debian

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"fettle/model"
	"fettle/sync/upstream/debian/archive"
)

// configuration is what apt is configured for, grouped by release.
type configuration struct {
	releases   []*release            // sorted by name
	failures   []model.ImportFailure // lists that belong to no release
	unusable   map[string]bool       // addresses of configured lists that belong to no release
	configured int                   // lists, fetched or not
	newest     time.Time             // the Date of the newest suite
}

// release is one release of one archive as apt's lists have it.
type release struct {
	origin, codename string
	lists            []*list  // sorted by suite, component, architecture, address
	absent           []target // configured, listed by the suite, but not there
	unusable         map[string]bool
	reload           func(context.Context) (*release, error)
}

// list is one Packages list together with the suite that it belongs to.
type list struct {
	target
	suite *archive.Release
	entry *archive.List // of the uncompressed list; nil when only others are listed
	hash  string        // changes when the list does
	size  int64         // uncompressed, as far as it is known
}

// name is "Debian/bookworm".
func (r *release) name() string { return r.origin + "/" + r.codename }

// configuration asks apt for its lists and reads their Release files.
func (s *Source) configuration(ctx context.Context) (*configuration, error) {
	// apt takes half a second for each answer, whence both at once.
	var configured []target
	var configuredError error
	var second sync.WaitGroup
	second.Go(func() { configured, configuredError = s.apt.targets(ctx, true) })
	present, err := s.apt.targets(ctx, false)
	second.Wait()
	if err := cmp.Or(err, configuredError); err != nil {
		return nil, err
	}
	c := &configuration{unusable: map[string]bool{}, configured: len(configured)}
	suites := map[string]*archive.Release{} // by stem
	bad := map[string]bool{}                // stems that were complained of
	load := func(t *target) *archive.Release {
		stem, _ := t.stem()
		if r, ok := suites[stem]; ok || bad[stem] {
			return r
		}
		r, err := s.apt.release(t)
		if err == nil {
			_, err = archive.NewCatalogue(r.Origin, r.Release())
		}
		if err != nil {
			bad[stem] = true
			c.failures = append(c.failures, model.ImportFailure{Item: model.Clean(t.suiteName()), Reason: err.Error() + "; run apt-get update, or correct the source"})
			return nil
		}
		suites[stem] = r
		if r.Date.After(c.newest) {
			c.newest = r.Date
		}
		return r
	}
	byName := map[string]*release{}
	find := func(suite *archive.Release) *release {
		r := &release{origin: suite.Origin, codename: suite.Release()}
		if known, ok := byName[r.name()]; ok {
			return known
		}
		byName[r.name()] = r
		c.releases = append(c.releases, r)
		return r
	}
	there := map[string]bool{}
	for i := range present {
		t := &present[i]
		there[t.uri] = true
		suite := load(t)
		if suite == nil {
			c.unusable[t.uri] = true
			continue
		}
		if !t.trusted {
			c.failures = append(c.failures, model.ImportFailure{Item: model.Clean(t.uri), Reason: "apt does not trust this archive: it has no valid signature. Name its key with Signed-By in the source, then run apt-get update"})
			c.unusable[t.uri] = true
			continue
		}
		r := find(suite)
		l := newList(t, suite)
		if !slices.ContainsFunc(r.lists, func(o *list) bool { return o.uri == l.uri }) {
			r.lists = append(r.lists, l)
		}
	}
	for i := range configured {
		t := &configured[i]
		if there[t.uri] {
			continue
		}
		suite := load(t)
		if suite == nil {
			c.unusable[t.uri] = true
		} else if expected(t, suite) {
			r := find(suite)
			r.absent = append(r.absent, *t)
		}
	}
	for _, r := range c.releases {
		slices.SortFunc(r.lists, func(a, b *list) int {
			return slices.Compare([]string{a.suite.Codename, a.component, a.arch, a.uri}, []string{b.suite.Codename, b.component, b.arch, b.uri})
		})
		r.unusable = c.unusable
		r.reload = func(ctx context.Context) (*release, error) {
			again, err := s.configuration(ctx)
			if err != nil {
				return nil, err
			}
			for _, o := range again.releases {
				if o.name() == r.name() {
					return o, nil
				}
			}
			return nil, fmt.Errorf("%s left apt's configuration while it was read", r.name())
		}
	}
	slices.SortFunc(c.releases, func(a, b *release) int { return strings.Compare(a.name(), b.name()) })
	return c, nil
}

// suiteName is the address of a target's suite, for messages.
func (t *target) suiteName() string {
	if t.base != "" {
		return t.base
	}
	return strings.TrimSuffix(t.uri, t.key)
}

// compressions are the endings under which a Release file may list a list.
var compressions = []string{".xz", ".gz", ".zst", ".lz4", ".bz2", ".lzma"}

// newList joins a target with what its suite says of it.
func newList(t *target, suite *archive.Release) *list {
	l := &list{target: *t, suite: suite}
	if e, ok := suite.Lists[t.key]; ok {
		l.entry, l.hash, l.size = &e, mark(e.SHA256), e.Size
		return l
	}
	for _, ending := range compressions {
		if e, ok := suite.Lists[t.key+ending]; ok {
			l.hash, l.size = ending[1:]+":"+mark(e.SHA256), e.Size
			return l
		}
	}
	// Not listed with SHA-256 at all: it changes only if the suite does.
	l.hash = "release:" + mark(suite.Digest)
	return l
}

// expected says whether a list that is configured but not there should be: its
// suite lists it, and not as empty.
func expected(t *target, suite *archive.Release) bool {
	if !suite.HasLists(t.arch) {
		return false
	}
	if e, ok := suite.Lists[t.key]; ok {
		return e.Size > 0
	}
	const emptyCompressed = 64 // an empty file has 20 bytes in gzip, 32 in xz
	for _, ending := range compressions {
		if e, ok := suite.Lists[t.key+ending]; ok {
			return e.Size > emptyCompressed
		}
	}
	return false
}

// has says whether a release is configured.
func (c *configuration) has(name string) bool {
	return slices.ContainsFunc(c.releases, func(r *release) bool { return r.name() == name })
}

// pending says whether lists of a release are still configured but cannot be
// used now.
func (c *configuration) pending(m releaseMark) bool {
	for uri := range m.Lists {
		if c.unusable[uri] {
			return true
		}
	}
	return false
}

// problem says why a release cannot be read as it is.
func (r *release) problem() error {
	if len(r.absent) > 0 {
		return fmt.Errorf("the list %s is missing: run apt-get update as root", model.Clean(r.absent[0].uri))
	}
	return nil
}

// missing says that a list which an earlier run read is still configured, but
// cannot be used now: what only that list offers would look withdrawn.
func (r *release) missing(old releaseMark) error {
	for uri := range old.Lists {
		if r.unusable[uri] {
			return fmt.Errorf("the list %s, which the last synchronization read, is missing or no longer trusted: run apt-get update as root", model.Clean(uri))
		}
	}
	return nil
}

// mark is what the anchor keeps of the release, without the counts.
func (r *release) mark() releaseMark {
	m := releaseMark{Mapping: mapping, Suites: map[string]suiteMark{}, Lists: map[string]listMark{}}
	for _, l := range r.lists {
		s, ok := m.Suites[l.suite.Codename]
		if !ok || l.suite.Date.After(s.Date) {
			s = suiteMark{Date: l.suite.Date, Label: l.suite.Label, Version: l.suite.Version}
		}
		m.Suites[l.suite.Codename] = s
		m.Lists[l.uri] = listMark{Hash: l.hash, Suite: l.suite.Codename, Component: l.component, Arch: l.arch}
	}
	return m
}

// describe says what a release is, in words.
func (r *release) describe() string {
	if len(r.lists) == 0 {
		return r.name() + " has no lists"
	}
	var suites, components, archs []string
	title := r.lists[0].suite.Title()
	var newest time.Time
	for _, l := range r.lists {
		if l.suite.Codename == r.codename {
			title = l.suite.Title()
		}
		suites = appendNew(suites, model.Clean(l.suite.Codename))
		components = appendNew(components, model.Clean(l.component))
		archs = appendNew(archs, model.Clean(l.arch))
		if l.suite.Date.After(newest) {
			newest = l.suite.Date
		}
	}
	text := fmt.Sprintf("%s: %s (%s), %s, for %s", title, count(len(suites), "suite"), strings.Join(suites, ", "),
		strings.Join(components, ", "), strings.Join(archs, ", "))
	if !newest.IsZero() {
		text += ", last changed on " + day(newest)
	}
	return text
}

func appendNew(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// read reads all lists of a release. packages counts them by address. When a list
// does not match because somebody else's apt-get update is just replacing it, the
// release is read once more.
func (s *Source) read(ctx context.Context, r *release, progress func(model.Progress)) (c *archive.Catalogue, packages map[string]int, err error) {
	c, packages, err = s.readOnce(ctx, r, progress)
	if err == nil || ctx.Err() != nil || !errors.Is(err, archive.ErrDamaged) {
		return c, packages, err
	}
	again, reloadError := r.reload(ctx)
	if reloadError != nil || again.mark().sameLists(r.mark()) {
		return nil, nil, err
	}
	*r = *again
	return s.readOnce(ctx, r, progress)
}

func (s *Source) readOnce(ctx context.Context, r *release, progress func(model.Progress)) (*archive.Catalogue, map[string]int, error) {
	c, err := archive.NewCatalogue(r.origin, r.codename)
	if err != nil {
		return nil, nil, err
	}
	packages := map[string]int{}
	for _, l := range r.lists {
		n, err := s.readList(ctx, c, l, progress)
		if err != nil {
			return nil, nil, err
		}
		packages[l.uri] = n
	}
	return c, packages, nil
}

func (s *Source) readList(ctx context.Context, c *archive.Catalogue, l *list, progress func(model.Progress)) (int, error) {
	step := model.Progress{Phase: "Reading " + model.Clean(path.Join(l.suite.Codename, l.component)), Since: s.options.Now()}
	progress(step)
	file, err := s.apt.open(ctx, &l.target)
	if err != nil {
		return 0, fmt.Errorf("opening the list %s: %w", model.Clean(l.uri), err)
	}
	summary, err := c.Read(ctx, l.suite, l.component, file, l.entry, func(s archive.Summary) {
		step.Done, step.Bytes = int64(s.Packages), s.Bytes
		progress(step)
	})
	closeError := file.Close()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err == nil {
		err = closeError
	} else if closeError != nil {
		err = fmt.Errorf("%w (%w)", err, closeError)
	}
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w; nothing of its release was imported. Run apt-get update; if that does not help, remove %s first",
			model.Clean(l.uri), err, l.file)
	}
	step.Done, step.Bytes = int64(summary.Packages), summary.Bytes
	progress(step)
	l.size = summary.Bytes
	return summary.Packages, nil
}
