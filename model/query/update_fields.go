package query

import (
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"fettle/model"
)

type updateTest = test[*model.UpdateRow]

// counting words complete the fields that count.
var counting = []Suggestion{{">0", "at least one"}, {"0", "none"}, {">10", "more than ten"}}

var dating = []Suggestion{
	{"today", "since midnight"}, {"<7d", "less than 7 days ago"}, {">30d", "more than 30 days ago"}, {">2026-01-01", "after that day"},
}

var ageing = []Suggestion{{"<7d", "less than 7 days"}, {">14d", "more than 14 days"}, {">3mo", "more than 3 months (of 30 days)"}}

func newUpdateSubject() *subject[*model.UpdateRow] {
	count := func(name, meaning, example string, get func(c *model.Counts) int) field[*model.UpdateRow] {
		return field[*model.UpdateRow]{
			FieldHelp: FieldHelp{name, meaning, example}, words: counting,
			build: numbers(costCounts, parseNumber, func(e *env, r *model.UpdateRow) int64 { return int64(get(e.countsOf(r))) }),
		}
	}
	// The counts that an index has at hand.
	open := func(name, meaning, example string, what Counted) field[*model.UpdateRow] {
		return field[*model.UpdateRow]{
			FieldHelp: FieldHelp{name, meaning, example}, words: counting,
			build: indexed(numbers(costCounts, parseNumber, func(e *env, r *model.UpdateRow) int64 { return e.countOf(r, what) }), byCount(what)),
		}
	}
	classes := make([]Suggestion, 0, 16)
	classTitles := map[string]string{}
	for _, c := range model.Classifications() {
		classes = append(classes, Suggestion{c.String(), c.Title()})
		classTitles[strings.ToLower(c.Title())] = c.String()
	}
	severities := make([]Suggestion, 0, 8)
	for s := model.SeverityUnspecified; s <= model.SeverityCritical; s++ {
		severities = append(severities, Suggestion{s.String(), "rated " + s.String() + " by the vendor"})
	}
	severities[0].Meaning = "not rated by the vendor"
	contents := []Suggestion{
		{"none", "it has no files"}, {"waiting", "its files are to be fetched"}, {"downloading", "its files are being fetched"},
		{"ready", "its files are kept here"}, {"failed", "its files could not be fetched"}, {"vendor", "computers take its files from the vendor"},
	}
	s := newSubject("updates", []field[*model.UpdateRow]{
		{FieldHelp: FieldHelp{"id", "its identifier", "id:deb/Debian/bookworm/tzdata/*"},
			build: texts(costList, modeExact, func(r *model.UpdateRow) string { return string(r.ID) })},
		{FieldHelp: FieldHelp{"kb", "number of a KB article, with or without KB before it", "kb:5034441"}, build: buildKB},
		{FieldHelp: FieldHelp{"bulletin", "security bulletin", "bulletin:MS17-010"},
			build: lists(costList, func(r *model.UpdateRow) []string { return r.Bulletin })},
		{FieldHelp: FieldHelp{"cve", "vulnerability that it closes, with or without CVE- before it", "cve:CVE-2024-6387"}, build: buildCVE},
		{FieldHelp: FieldHelp{"title", "text anywhere in its title", `title:"cumulative update"`},
			build: texts(costText, modeContains, func(r *model.UpdateRow) string { return r.Title })},
		{FieldHelp: FieldHelp{"package", "name of one of its binary packages", "package:libssl*"},
			build: lists(costList*2, func(r *model.UpdateRow) []string { return r.Packages })},
		{FieldHelp: FieldHelp{"version", "its version", "version:2024a*"},
			build: texts(costList, modeExact, func(r *model.UpdateRow) string { return r.Version })},
		{FieldHelp: FieldHelp{"class", "classification", "class:critical,security"}, words: classes,
			build: indexed(enum(costFlag, classes, classTitles, false, func(_ *env, r *model.UpdateRow) int { return int(r.Class) - int(model.ClassCritical) }),
				byWords(classes, classTitles, false, func(ix Index, i int) *roaring.Bitmap { return ix.Class(model.ClassCritical + model.Classification(i)) }))},
		{FieldHelp: FieldHelp{"product", "product or what it belongs to: identifier, title, or the beginning of a word in the title", `product:"debian 12"`}, names: namesProducts, build: buildProduct},
		{FieldHelp: FieldHelp{"upstream", "name of the upstream that brought it", "upstream:debian"}, names: namesUpstreams,
			build: indexed(texts(costList, modeExact, func(r *model.UpdateRow) string { return r.Upstream }), byUpstream)},
		{FieldHelp: FieldHelp{"language", "language that it is for; none for those that are for no particular one", "language:en*"},
			words: []Suggestion{{"none", "for no particular language"}}, build: buildLanguage},
		{FieldHelp: FieldHelp{"severity", "the vendor's rating; it compares, critical being the highest", "severity:>=important"}, words: severities,
			build: indexed(enum(costFlag, severities, nil, true, func(_ *env, r *model.UpdateRow) int { return int(r.Severity) }),
				byWords(severities, nil, true, func(ix Index, i int) *roaring.Bitmap { return ix.Severity(model.Severity(i)) }))},
		{FieldHelp: FieldHelp{"released", "when the vendor published it (of a Debian archive: not later than)", "released:<2026-01-01"}, words: dating,
			build: byRelease(times(func(r *model.UpdateRow) time.Time { return r.Released }))},
		{FieldHelp: FieldHelp{"arrived", "when it came to this server", "arrived:<7d"}, words: dating,
			build: times(func(r *model.UpdateRow) time.Time { return r.Arrived })},
		{FieldHelp: FieldHelp{"age", "time since it was published", "age:>14d"}, words: ageing, build: buildAge},
		open("needed", "computers that need it (not installed, downloaded, or waiting for a restart)", "needed:>0", CountedNeeded),
		open("failed", "computers on which it failed", "failed:>0", CountedFailed),
		count("installed", "computers that have it", "installed:>=3", func(c *model.Counts) int { return c.Installed }),
		count("not-applicable", "computers that it is not for", "not-applicable:0", func(c *model.Counts) int { return c.NotApplicable }),
		count("no-status", "computers that have not reported on it", "no-status:>0", func(c *model.Counts) int { return c.Unknown }),
		open("pending-restart", "computers that installed it and must restart", "pending-restart:>0", CountedPending),
		{FieldHelp: FieldHelp{"installed-or-not-applicable", "percentage of computers known to have it or not to want it", "installed-or-not-applicable:<90"},
			words: []Suggestion{{"<100", "not yet everywhere"}, {"100", "everywhere"}}, build: buildPercentage},
		{FieldHelp: FieldHelp{"in", "narrows all counts of the query to the computers of a group", "in:Servers needed:>0"}, names: namesGroups, build: buildIn},
		{FieldHelp: FieldHelp{"approved", "a group's own approval is Install: its name, or any, or none (neither any nor declined)", "approved:none"}, names: namesGroups,
			words: []Suggestion{{"any", "approved for at least one group"}, {"none", "approved for no group, and not declined"}}, build: buildApproved},
		{FieldHelp: FieldHelp{"effective", "approved for a group by its own approval or by what it inherits", `effective:"Web Servers"`}, names: namesGroups, build: buildEffective},
		approvalField(),
		{FieldHelp: FieldHelp{"deadline", "earliest deadline of an approval: a date, a distance ahead (what has passed is nearer than any), any or none", "deadline:<7d"},
			words: []Suggestion{{"any", "has a deadline"}, {"none", "has no deadline"}, {"<now", "its deadline has passed"}, {"<7d", "due within 7 days, or past"}}, build: buildDeadline},
		isUpdateField(),
		{FieldHelp: FieldHelp{"size", "content in bytes (kB, MB, GB; KiB, MiB, GiB)", "size:>100MB"},
			words: []Suggestion{{">100MB", "more than 100 megabytes"}, {">1GB", "more than a gigabyte"}},
			build: numbers(costFlag, parseSize, func(_ *env, r *model.UpdateRow) int64 { return r.Size })},
		{FieldHelp: FieldHelp{"content", "how it stands with its files", "content:failed"}, words: contents,
			build: enum(costContent, contents, nil, false, func(e *env, r *model.UpdateRow) int {
				state := e.w.ContentState(r.Number)
				return slices.IndexFunc(contents, func(s Suggestion) bool { return s.Text == state })
			})},
	})
	s.bare, s.universe = bareUpdate, listedUpdates
	s.synonyms = map[string]string{
		"group": "in:", "classification": "class:", "article": "kb:", "name": "title:", "pkg": "package:", "source": "package:", "date": "released:",
		"published": "released:", "restart": "pending-restart:", "pending": "pending-restart:", "errors": "failed:", "unknown": "no-status:", "category": "product:",
		"status": "approval:", "state": "approval:", "declined": "is:declined", "superseded": "is:superseded", "expired": "is:expired", "exploited": "is:exploited",
		"bytes": "size:", "due": "deadline:", "lang": "language:", "percent": "installed-or-not-applicable:",
	}
	return s
}

// bareUpdate searches title, KB article, bulletin, CVE and package names.
func bareUpdate(_ *binder, t *term) (updateTest, cost, *Error) {
	v := t.values[0]
	p := newPattern(v, modeContains)
	// "kb503" begins an article's number, "503" may stand anywhere in it.
	kb := p
	if rest, ok := strings.CutPrefix(strings.ToLower(v.text), "kb"); ok && rest != "" && digits(rest) && !v.lead {
		kb = newPattern(value{text: rest}, modePrefix)
	}
	return func(_ *env, r *model.UpdateRow) bool {
		return p.match(r.Title) || kb.any(r.KB) || p.any(r.Packages) || p.any(r.CVEs) || p.any(r.Bulletin)
	}, costWord, nil
}

func digits(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

func buildKB(b *binder, t *term) (updateTest, cost, *Error) {
	for i := range t.values {
		v := &t.values[i]
		if len(v.text) > 2 && strings.EqualFold(v.text[:2], "kb") {
			v.text = v.text[2:]
		}
		if !digits(v.text) {
			return nil, 0, fail(v.column, "", "kb: wants the number of an article, such as kb:5034441; %s is none", shown(v.text))
		}
		v.quoted = false
	}
	return lists(costList, func(r *model.UpdateRow) []string { return r.KB })(b, t)
}

func buildCVE(b *binder, t *term) (updateTest, cost, *Error) {
	for i := range t.values {
		if v := &t.values[i]; !v.lead && v.text != "" && v.text[0] >= '0' && v.text[0] <= '9' {
			v.text = "CVE-" + v.text
		}
	}
	return lists(costList, func(r *model.UpdateRow) []string { return r.CVEs })(b, t)
}

func buildLanguage(b *binder, t *term) (updateTest, cost, *Error) {
	none := slices.ContainsFunc(t.values, func(v value) bool { return v.keyword("none") })
	match, c, err := lists(costList, func(r *model.UpdateRow) []string { return r.Language })(b, t)
	if err != nil || !none {
		return match, c, err
	}
	return func(e *env, r *model.UpdateRow) bool { return len(r.Language) == 0 || match(e, r) }, c, nil
}

// maxParents bounds the walk from a product to what it belongs to, whatever an
// upstream said.
const maxParents = 16

func buildProduct(b *binder, t *term) (updateTest, cost, *Error) {
	pats, err := patterns(t, modeWord)
	if err != nil {
		return nil, 0, err
	}
	whole := make([]pattern, len(pats)) // the identifier as a whole, unless stars say else
	for i, v := range t.values {
		whole[i] = newPattern(v, modeExact)
	}
	slot := b.products
	b.products++
	fits := func(e *env, id model.CategoryID) bool {
		for range maxParents {
			c, ok := e.w.Category(id)
			for i := range pats {
				if whole[i].match(string(id)) || ok && pats[i].match(c.Title) {
					return true
				}
			}
			if !ok || c.Parent == "" || c.Parent == id {
				return false
			}
			id = c.Parent
		}
		return false
	}
	b.narrow = func(e *env) (*roaring.Bitmap, bool) {
		return e.ix.Products(func(id model.CategoryID) bool { return fits(e, id) }), true
	}
	return func(e *env, r *model.UpdateRow) bool {
		for _, id := range r.Products {
			if slot >= len(e.products) {
				if fits(e, id) {
					return true
				}
				continue
			}
			known, ok := e.products[slot][id]
			if !ok {
				known = fits(e, id)
				e.products[slot][id] = known
			}
			if known {
				return true
			}
		}
		return false
	}, costProduct, nil
}

func buildAge(b *binder, t *term) (updateTest, cost, *Error) {
	for _, v := range t.values {
		if _, _, ok := parseAge(v.text); !ok || v.starred() {
			suggestion := ""
			if v.text != "" && digits(v.text) && !v.starred() {
				suggestion = "age:" + opText[v.op] + v.text + "d"
			}
			return nil, 0, fail(v.column, suggestion, "age: wants a length of time such as 14d (units: s, m, h, d, w, mo, y); %s is none", shown(v.text))
		}
	}
	return byRelease(times(func(r *model.UpdateRow) time.Time { return r.Released }))(b, t)
}

func buildPercentage(_ *binder, t *term) (updateTest, cost, *Error) {
	var all []percentage
	for i := range t.values {
		v := &t.values[i]
		p, err := parsePercentage(*v, t.field)
		if err != nil {
			return nil, 0, err
		}
		tidy(v)
		v.text = strings.TrimSuffix(v.text, "%")
		p.op = v.op
		all = append(all, p)
	}
	return func(e *env, r *model.UpdateRow) bool {
		n := e.countsOf(r).InstalledOrNA()
		for _, p := range all {
			if p.holds(n) {
				return true
			}
		}
		return false
	}, costCounts, nil
}

// buildIn registers the scope; the term asks nothing of a row.
func buildIn(b *binder, t *term) (updateTest, cost, *Error) {
	v := t.values[0]
	switch {
	case len(t.values) > 1:
		return nil, 0, fail(t.values[1].column, "", "in: takes one group; the counts of a query are those of one group")
	case v.starred() || v.op.compares():
		return nil, 0, fail(v.column, "", "in: takes the name of one group, as in in:Servers")
	}
	t.values[0].op = opNone
	slot := b.group(t.field, v)
	if b.scope < 0 {
		b.scope = slot
	}
	return nil, 0, nil
}
