package query

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// op is the comparison written before a value.
type op uint8

const (
	opNone op = iota
	opEqual
	opLess
	opAtMost
	opMore
	opAtLeast
)

var opText = [...]string{"", "=", "<", "<=", ">", ">="}

// compares says whether the comparison orders, as "<" does.
func (o op) compares() bool { return o >= opLess }

// value is one of the values of a term, such as ">0" or "v*".
type value struct {
	op     op
	text   string
	lead   bool // an unquoted star began it
	trail  bool // an unquoted star ended it
	quoted bool // some of it stood in quotes
	column int
}

func (v value) starred() bool { return v.lead || v.trail }

// keyword says whether the value is that word, rather than a name in quotes
// that happens to be spelled so.
func (v value) keyword(word string) bool {
	return !v.quoted && !v.starred() && strings.EqualFold(v.text, word)
}

// keywords are the values that quotes turn into plain text.
var keywords = []string{"any", "none", "never", "now", "today", "yesterday", "tomorrow"}

// operators are the words between and before terms.
var operators = []string{"or", "and", "not"}

func among(words []string, s string) bool {
	for _, w := range words {
		if strings.EqualFold(w, s) {
			return true
		}
	}
	return false
}

// write appends the value as it is written in a query.
func (v value) write(b *strings.Builder, bare bool) {
	b.WriteString(opText[v.op])
	if v.lead {
		b.WriteByte('*')
	}
	if v.text != "" {
		plain := !(bare && (v.text[0] == '-' || among(operators, v.text))) && !(v.quoted && among(keywords, v.text))
		for _, r := range v.text {
			plain = plain && (unicode.IsLetter(r) || unicode.IsNumber(r) || strings.ContainsRune("._/+~@#%$&-", r) || !bare && r == ':')
		}
		if plain {
			b.WriteString(v.text)
		} else {
			b.WriteByte('"')
			for _, r := range v.text {
				if r == '"' || r == '\\' {
					b.WriteByte('\\')
				}
				b.WriteRune(r)
			}
			b.WriteByte('"')
		}
	}
	if v.trail {
		b.WriteByte('*')
	}
}

// holds says how a number compares.
func (o op) holds(a, b int64) bool {
	switch o {
	case opLess:
		return a < b
	case opAtMost:
		return a <= b
	case opMore:
		return a > b
	case opAtLeast:
		return a >= b
	}
	return a == b
}

func parseNumber(v value, field string) (int64, *Error) {
	n, err := strconv.ParseUint(v.text, 10, 31)
	if err != nil || v.starred() {
		return 0, fail(v.column, "", "%s: wants a number, such as %s:>0; %s is none", field, field, shown(v.text))
	}
	return int64(n), nil
}

// sizeUnits are decimal, as apt and vendors count; the binary ones have an i.
var sizeUnits = map[string]float64{
	"": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12,
	"ki": 1 << 10, "kib": 1 << 10, "mi": 1 << 20, "mib": 1 << 20, "gi": 1 << 30, "gib": 1 << 30, "ti": 1 << 40, "tib": 1 << 40,
}

func parseSize(v value, field string) (int64, *Error) {
	n, unit, ok := numberAndUnit(v.text)
	factor, known := sizeUnits[strings.ToLower(unit)]
	if !ok || !known || v.starred() || n*factor > 1e18 {
		return 0, fail(v.column, "", "%s: wants a number of bytes, such as %s:>100MB; %s is none (units: kB, MB, GB, TB; KiB, MiB, GiB, TiB)", field, field, shown(v.text))
	}
	return int64(math.Round(n * factor)), nil
}

// numberAndUnit splits "1.5GB". The number has digits and at most one point.
func numberAndUnit(s string) (n float64, unit string, ok bool) {
	i := 0
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.') {
		i++
	}
	n, err := strconv.ParseFloat(s[:i], 64)
	return n, s[i:], err == nil && s[0] != '.' && s[i-1] != '.'
}

// percentage is a percentage with its step: 66 stands for 66 up to below 67.
type percentage struct {
	op     op
	lo, hi float64
}

func parsePercentage(v value, field string) (percentage, *Error) {
	n, rest, ok := numberAndUnit(v.text)
	if !ok || rest != "" && rest != "%" || n > 100 || v.starred() {
		return percentage{}, fail(v.column, "", "%s: wants a percentage from 0 to 100, such as %s:<90; %s is none", field, field, shown(v.text))
	}
	step := 1.0
	if _, decimals, found := strings.Cut(strings.TrimSuffix(v.text, "%"), "."); found {
		step = math.Pow10(-len(decimals))
	}
	return percentage{v.op, n, n + step}, nil
}

func (p percentage) holds(n float64) bool {
	switch p.op {
	case opLess:
		return n < p.lo
	case opAtMost:
		return n <= p.lo
	case opMore:
		return n > p.lo
	case opAtLeast:
		return n >= p.lo
	}
	return n >= p.lo && n < p.hi
}

// day is the length that months and years are counted in: a month is 30 of
// them, a year 365, so that "age" does not depend on the calendar.
const day = 24 * time.Hour

var ageUnits = map[string]time.Duration{
	"s": time.Second, "m": time.Minute, "h": time.Hour, "d": day, "w": 7 * day, "mo": 30 * day, "y": 365 * day,
}

// parseAge reads "14d" or "1d12h"; step is its smallest unit.
func parseAge(s string) (length, step time.Duration, ok bool) {
	s = strings.ToLower(s)
	for s != "" {
		i := 0
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		j := i
		for j < len(s) && s[j] >= 'a' && s[j] <= 'z' {
			j++
		}
		unit := ageUnits[s[i:j]]
		n, err := strconv.ParseUint(s[:i], 10, 31)
		if err != nil || unit == 0 || step != 0 && unit >= step {
			return 0, 0, false
		}
		if length += time.Duration(n) * unit; time.Duration(n) > maxAge/unit || length > maxAge {
			return 0, 0, false
		}
		step, s = unit, s[j:]
	}
	return length, step, step != 0
}

// maxAge keeps sums with instants far from the end of time.Duration.
const maxAge = 200 * 365 * day

// firstYear keeps dates apart from the zero time, which stands for none.
const firstYear = 1900

// moment is a value of a field of time before it is bound to a now: a date, an
// instant, or a distance.
type moment struct {
	op        op
	y, mo, d  int // of a date in the zone of now; d = 0: the whole month; mo = 0: the whole year
	clock     int // seconds after midnight of a date with a time of day, else -1
	instant   time.Time
	age, step time.Duration // of a distance
	relative  bool          // it moves with now
	days      int           // with word: today + days
	word, now bool          // today and its neighbours; now itself
	future    bool          // distances are counted ahead, for deadlines
}

// span is what a moment means at one now: the instants from lo up to hi. Zero
// ends are open.
type span struct{ lo, hi time.Time }

func (s span) holds(t time.Time) bool {
	return (s.lo.IsZero() || !t.Before(s.lo)) && (s.hi.IsZero() || t.Before(s.hi))
}

// parseMoment reads a date, an instant, a distance or a word such as today.
func parseMoment(v value, field string, future bool) (moment, *Error) {
	m := moment{op: v.op, clock: -1, future: future}
	if length, step, ok := parseAge(v.text); ok && !v.starred() {
		m.age, m.step, m.relative = length, step, true
		return m, nil
	}
	for i, w := range []string{"yesterday", "today", "tomorrow"} {
		if v.keyword(w) {
			m.word, m.days, m.relative = true, i-1, true
			return m, nil
		}
	}
	if v.keyword("now") {
		m.now, m.relative = true, true
		return m, nil
	}
	if t, err := time.Parse(time.RFC3339, strings.ToUpper(v.text)); err == nil && !v.starred() && t.Year() >= firstYear {
		m.instant = t
		return m, nil
	}
	for i, layout := range []string{"2006", "2006-01", "2006-01-02", "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		t, err := time.Parse(layout, strings.ToUpper(v.text))
		if err != nil || v.starred() || t.Year() < firstYear {
			continue
		}
		m.y = t.Year()
		if i > 0 {
			m.mo = int(t.Month())
		}
		if i > 1 {
			m.d = t.Day()
		}
		if i > 2 {
			m.clock, m.step = t.Hour()*3600+t.Minute()*60+t.Second(), time.Minute
		}
		if i > 3 {
			m.step = time.Second
		}
		return m, nil
	}
	suggestion := ""
	if _, err := strconv.ParseUint(v.text, 10, 31); err == nil && !v.starred() {
		suggestion = field + ":" + opText[v.op] + v.text + "d"
	}
	return m, fail(v.column, suggestion, "%s: wants a date such as 2026-01-31, or a length of time such as 14d (units: s, m, h, d, w, mo, y); %s is neither", field, shown(v.text))
}

// span binds the moment to a now.
func (m moment) span(now time.Time) span {
	if m.age != 0 || m.step != 0 && m.y == 0 {
		return m.distance(now)
	}
	lo, hi := m.instant, m.instant.Add(time.Second)
	switch {
	case m.now:
		lo, hi = now, now.Add(time.Second)
	case m.word:
		y, mo, d := now.Date()
		lo, hi = time.Date(y, mo, d+m.days, 0, 0, 0, 0, now.Location()), time.Date(y, mo, d+m.days+1, 0, 0, 0, 0, now.Location())
	case m.y == 0:
	case m.clock >= 0:
		lo = time.Date(m.y, time.Month(m.mo), m.d, 0, 0, m.clock, 0, now.Location())
		hi = lo.Add(m.step)
	case m.d > 0:
		lo, hi = time.Date(m.y, time.Month(m.mo), m.d, 0, 0, 0, 0, now.Location()), time.Date(m.y, time.Month(m.mo), m.d+1, 0, 0, 0, 0, now.Location())
	case m.mo > 0:
		lo, hi = time.Date(m.y, time.Month(m.mo), 1, 0, 0, 0, 0, now.Location()), time.Date(m.y, time.Month(m.mo)+1, 1, 0, 0, 0, 0, now.Location())
	default:
		lo, hi = time.Date(m.y, 1, 1, 0, 0, 0, 0, now.Location()), time.Date(m.y+1, 1, 1, 0, 0, 0, 0, now.Location())
	}
	switch m.op {
	case opLess:
		return span{hi: lo}
	case opAtMost:
		return span{hi: hi}
	case opMore:
		return span{lo: hi}
	case opAtLeast:
		return span{lo: lo}
	}
	return span{lo, hi}
}

// distance is the span of a length of time: "<7d" is nearer than seven days,
// in the past, or for deadlines in the future with all that has passed.
func (m moment) distance(now time.Time) span {
	const tick = time.Nanosecond
	if m.future {
		at := now.Add(m.age)
		switch m.op {
		case opLess:
			return span{hi: at}
		case opAtMost:
			return span{hi: at.Add(tick)}
		case opMore:
			return span{lo: at.Add(tick)}
		case opAtLeast:
			return span{lo: at}
		}
		return span{at, at.Add(m.step)}
	}
	at := now.Add(-m.age)
	switch m.op {
	case opLess:
		return span{lo: at.Add(tick)}
	case opAtMost:
		return span{lo: at}
	case opMore:
		return span{hi: at}
	case opAtLeast:
		return span{hi: at.Add(tick)}
	}
	return span{at.Add(-m.step).Add(tick), at.Add(tick)}
}
