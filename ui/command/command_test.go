package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
	"pgregory.net/rapid"

	"fettle/model"
	"fettle/store"
	"fettle/ui/config"
	"fettle/ui/remote"
)

func TestDeadline(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 27, 15, 30, 0, 0, berlin) // summer time begins on the 29th
	for text, want := range map[string]string{
		"now":                       "2026-03-27T15:30:00+01:00",
		"12h":                       "2026-03-28T03:30:00+01:00",
		"90m":                       "2026-03-27T17:00:00+01:00",
		"7d":                        "2026-04-03T15:30:00+02:00",
		"2w":                        "2026-04-10T15:30:00+02:00",
		"7d@03:00":                  "2026-04-03T03:00:00+02:00",
		"2026-12-01":                "2026-12-01T23:59:00+01:00",
		"2026-12-01T18:00":          "2026-12-01T18:00:00+01:00",
		"2026-12-01 18:00":          "2026-12-01T18:00:00+01:00",
		"2026-12-01T18:00Z":         "2026-12-01T18:00:00Z",
		"2026-12-01T18:00:00+05:00": "2026-12-01T18:00:00+05:00",
	} {
		got, err := deadline(text, now, berlin)
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: got %s, %v, want %s", text, got.Format(time.RFC3339), err, want)
		}
	}
	for _, text := range []string{"", "soon", "7", "d", "-7d", "1.5d", "7d@25:00", "@03:00", "2026-13-01", "99999999d", "7 d"} {
		var usage *usageError
		if got, err := deadline(text, now, berlin); !errors.As(err, &usage) {
			t.Errorf("%q gave %v, %v", text, got, err)
		}
	}
}

func TestPast(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	if got, err := past("7d", now, time.UTC); err != nil || !got.Equal(now.AddDate(0, 0, -7)) {
		t.Error(got, err)
	}
	if got, err := past("2026-03-01", now, time.UTC); err != nil || !got.Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)) {
		t.Error(got, err)
	}
	if _, err := past("x", now, time.UTC); err == nil {
		t.Error("nonsense was accepted")
	}
}

func TestStatus(t *testing.T) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		err  error
		want int
	}{
		"done":        {t.Context(), nil, 0},
		"failed":      {t.Context(), errors.New("x"), 1},
		"usage":       {t.Context(), fmt.Errorf("a: %w", misuse("x")), 2},
		"config":      {t.Context(), &config.Error{}, 2},
		"refused":     {t.Context(), fmt.Errorf("a: %w", &model.Refusal{}), 3},
		"locked":      {t.Context(), fmt.Errorf("a: %w", &store.LockedError{}), 4},
		"version":     {t.Context(), &store.VersionError{}, 4},
		"damaged":     {t.Context(), &store.DamagedError{}, 4},
		"silent":      {t.Context(), &storeError{remote.ErrSilent}, 4},
		"interrupted": {over, fmt.Errorf("a: %w", context.Canceled), 130},
	} {
		if got := status(test.ctx, test.err); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// session is one of a test: what it wrote can be read.
func session(in string) (*app, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	return &app{s: &remote.Session{In: strings.NewReader(in), Out: &out, Err: &errs, Env: map[string]string{}}, zone: time.UTC}, &out, &errs
}

func TestAsk(t *testing.T) {
	for _, test := range []struct {
		in          string
		usual, want bool
	}{{"y\n", false, true}, {"YES\n", false, true}, {"n\n", true, false}, {"\n", true, true}, {"\n", false, false}, {"", true, false}, {"what\ny\n", false, true}, {"y", false, true}} {
		a, _, _ := session(test.in)
		if got, err := a.ask(t.Context(), "Sure?", test.usual); got != test.want || err != nil {
			t.Errorf("%q with default %v: %v, %v", test.in, test.usual, got, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a, _, _ := session("")
	pipe, w := io.Pipe()
	defer w.Close()
	a.s.In = pipe
	if _, err := a.ask(ctx, "Sure?", true); !errors.Is(err, context.Canceled) {
		t.Error("an interrupted question gave", err)
	}
}

func TestPlanIsAskedFor(t *testing.T) {
	plan := model.Plan{Summary: "Approve 3 updates", Updates: 3, Computers: 9, Bytes: 5_000_000, Wide: true, Warnings: []model.PlanWarning{{Text: "something"}}}
	a, _, errs := session("\n")
	a.s.Ask = true
	if err := a.approvePlan(t.Context(), plan, preface{}); !errors.Is(err, errDeclined) {
		t.Error("the default for a wide change is not no:", err)
	}
	for _, want := range []string{"Approve 3 updates", "computers: 9", "5.0 MB", "Warning: something", "[y/N]"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("%q is missing in\n%s", want, errs)
		}
	}
	plan.Wide = false
	a, _, _ = session("\n")
	a.s.Ask = true
	if err := a.approvePlan(t.Context(), plan, preface{}); err != nil {
		t.Error("the default for a small change is not yes:", err)
	}
	a, _, _ = session("y\n")
	var usage *usageError
	if err := a.approvePlan(t.Context(), plan, preface{}); !errors.As(err, &usage) {
		t.Error("without a terminal it was not refused:", err)
	}
	a.flags.yes = true
	if err := a.approvePlan(t.Context(), plan, preface{}); err != nil {
		t.Error(err)
	}
}

type line struct {
	name string
	n    int
	at   time.Time
	tags []string
}

func TestTableFitsTheTerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, _, _ := session("")
		var rows []line
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			rows = append(rows, line{name: rapid.StringN(0, 60, -1).Draw(t, "name"), n: rapid.IntRange(-1, 1e6).Draw(t, "n"), tags: rapid.SliceOfN(rapid.StringMatching(`[a-z日]{1,9}`), 0, 4).Draw(t, "tags")})
		}
		tab := list(a, rows, []column[line]{
			{key: "name", title: "NAME", give: true, value: func(l line) any { return l.name }},
			{key: "n", title: "NUMBER", right: true, rank: 1, value: func(l line) any { return l.n }},
			{key: "tags", title: "TAGS", give: true, rank: 2, value: func(l line) any { return l.tags }},
			{key: "hidden", value: func(l line) any { return l.name }},
		})
		width := rapid.IntRange(cutTo, 200).Draw(t, "width")
		for _, text := range strings.Split(tab.text(width), "\n") {
			if w := ansi.StringWidth(text); w > width {
				t.Fatalf("a line of %d columns on a terminal of %d: %q", w, width, text)
			}
			if strings.ContainsAny(text, "\x1b\t\r") {
				t.Fatalf("control characters in %q", text)
			}
		}
		// Piped, nothing is cut.
		for i, text := range strings.Split(strings.TrimSuffix(tab.text(0), "\n"), "\n")[1:] {
			if name := strings.TrimRight(model.Clean(rows[i].name), " "); !strings.HasPrefix(strings.TrimRight(text, " "), name) {
				t.Fatalf("%q does not begin with %q", text, name)
			}
		}
	})
}

func TestFormsOfAnAnswer(t *testing.T) {
	a, out, _ := session("")
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	rows := []line{{"a<b> & =c", 3, at, []string{"x", "y"}}, {"=1+1\x1b[31m", 0, time.Time{}, nil}}
	tab := list(a, rows, []column[line]{
		{key: "name", title: "NAME", value: func(l line) any { return l.name }},
		{key: "n", title: "N", value: func(l line) any { return l.n }},
		{key: "at", title: "AT", value: func(l line) any { return l.at }},
		{key: "tags", value: func(l line) any { return l.tags }},
	})
	a.flags.json = true
	if err := a.writeList(tab, ""); err != nil {
		t.Fatal(err)
	}
	want := `[
  {
    "name": "a<b> & =c",
    "n": 3,
    "at": "2026-01-02T03:04:05Z",
    "tags": [
      "x",
      "y"
    ]
  },
  {
    "name": "=1+1",
    "n": 0,
    "at": null,
    "tags": []
  }
]
`
	if out.String() != want {
		t.Errorf("JSON is\n%s", out)
	}
	var back []map[string]any
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Error(err)
	}
	out.Reset()
	a.flags.json, a.flags.csv = false, true
	if err := a.writeList(tab, ""); err != nil {
		t.Fatal(err)
	}
	if want := "name,n,at,tags\na<b> & =c,3,2026-01-02T03:04:05Z,x; y\n'=1+1,0,,\n"; out.String() != want {
		t.Errorf("CSV is\n%s", out)
	}
}

func TestUpstreamFlag(t *testing.T) {
	u, err := upstreamFlag("debian=apt", "")
	if err != nil || u.Name != "debian" || u.Kind != model.UpstreamDebian || u.Location != "apt" {
		t.Errorf("%+v, %v", u, err)
	}
	if u, err := upstreamFlag("debian=apt", "mine"); err != nil || u.Name != "mine" {
		t.Errorf("%+v, %v", u, err)
	}
	for text, refused := range map[string]bool{"": false, "debian": false, "debian=": false, "debian=apt,x": false, "debian=apt,x=1": false, "microsoft=x": true, "debian=http://x": true} {
		_, err := upstreamFlag(text, "")
		var refusal *model.Refusal
		if err == nil || errors.As(err, &refusal) != refused {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestEditPolicy(t *testing.T) {
	base := model.DefaultPolicy()
	p, err := editPolicy(base, "", "sun@04:30", "idle")
	if err != nil || policyText(p) != "Automatic Updates scheduled sun@04:30; restart idle" {
		t.Error(policyText(p), err)
	}
	p, err = editPolicy(base, "notify", "", "sat@05:00")
	if err != nil || p.Install != nil || restartWord(p) != "sat@05:00" {
		t.Error(p, err)
	}
	p, err = editPolicy(base, "inherit", "", "inherit")
	if err != nil || !p.Empty() {
		t.Error(p, err)
	}
	for _, bad := range [][3]string{{"x", "", ""}, {"notify", "03:00", ""}, {"", "x@y", ""}, {"", "", "sometimes"}} {
		if _, err := editPolicy(base, bad[0], bad[1], bad[2]); err == nil {
			t.Error(bad, "was accepted")
		}
	}
}

func TestLogIsPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "x.log")
	l, err := openLog(path, 100)
	if err != nil {
		t.Fatal(err)
	}
	other, err := openLog(path, 100) // another process logs into the same file
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		if _, err := fmt.Fprintf([]io.Writer{l, other}[i%2], "line %02d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(l.Close(), other.Close()); err != nil {
		t.Error(err)
	}
	for _, name := range []string{path, path + ".old"} {
		info, err := os.Stat(name)
		if err != nil || info.Size() > 220 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestEveryCommandIsDescribed(t *testing.T) {
	a, _, _ := session("")
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Name() == "completion" {
			return // cobra's own
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: %q is not a short description", c.CommandPath(), c.Short)
		}
		if c.Runnable() && c.Args == nil {
			t.Errorf("%s does not check its arguments", c.CommandPath())
		}
		for _, l := range strings.Split(c.Long+"\n"+c.Example, "\n") {
			if ansi.StringWidth(l) > 90 && c.Name() != "query" {
				t.Errorf("%s: a line of help is too long: %s", c.CommandPath(), l)
			}
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(a.tree())
}

func TestManualHasEveryCommand(t *testing.T) {
	a, _, _ := session("")
	root := a.tree()
	var b strings.Builder
	if err := manual(&b, root); err != nil {
		t.Fatal(err)
	}
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" && !strings.Contains(b.String(), ".SS "+roff(strings.TrimPrefix(c.UseLine(), "fettle "))) && c.Name() != "completion" {
			t.Errorf("%s is missing", c.Name())
		}
	}
	for _, l := range strings.Split(b.String(), "\n") {
		if strings.HasPrefix(l, "'") {
			t.Errorf("a line would be taken for a macro: %s", l)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"updates", "update", "computers", "sync"}
	for word, want := range map[string]string{"updtes": "updates", "comp": "computers", "snyc": "sync", "xyzzy": "", "updats": "updates"} {
		if got := nearest(word, words); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}
