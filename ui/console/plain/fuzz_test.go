package plain

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fettle/store"
)

// rows is a list of a test.
type rows int

func (r rows) Len() int              { return int(r) }
func (r rows) Line(i int) string     { return fmt.Sprintf("item %d \x1b[31m", i) }
func (r rows) Labels(i int) []string { return []string{"Name: " + r.Line(i), "\x9b"} }
func (r rows) Keys() []string        { return []string{"id", "size", "when"} }
func (r rows) Value(i int, key string) any {
	switch key {
	case "id":
		return fmt.Sprint(i)
	case "size":
		return (i * 7) % 13
	}
	return nil
}

// console is one whose command lines change nothing.
func testConsole(t testing.TB, st *store.Store, in string, out *bytes.Buffer, person bool) *Console {
	t.Helper()
	return New(Options{
		Store: st, Permit: func(string) error { return nil }, Words: []Word{{"update", "Show"}, {"agent", "Run"}}, In: strings.NewReader(in), Out: out, Err: out,
		Person: person, Width: 40, UTF8: true, Now: func() time.Time { return time.Unix(1e9, 0) }, Zone: time.UTC, Views: []View{{"All", ""}, {"Wrong", "x:"}},
		Log: func() []string { return []string{"a", "b\x1b"} },
		Run: func(ctx context.Context, l Line) int {
			fmt.Fprintf(l.Out, "%q\n", l.Args)
			if l.Take == nil {
				return len(l.Args) % 4
			}
			if !l.Take(rows(len(l.Args) * 11)) {
				t.Error("the list was not taken")
			}
			return 0
		},
	})
}

// FuzzLines types anything. Nothing panics, and no control character is written.
func FuzzLines(f *testing.F) {
	st, err := store.Open(store.Options{Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { st.Close() })
	for _, seed := range []string{
		"help\nhelp approve\nn\nn\nquit\n", "updates\nn\np\n3\nmark 1-4,9\nmarks\nunmark 2\nsort -size\nback\nlist\n", "updates x:1 --csv\ncomputers -a\nmark all\napprove\nyes\n",
		"set page 0\nupdates\nset page 1\nn\nn\nn\np\nset prompt off\nnonsense\n", "1\n1\nno\n2\n\n\n\n\nno\nyes\nyes\n", "a 'b\nopen 99999999999999999999\n-5\n5-1\nmark 5-1\nmark 1-999999999999\n",
		"log\n1\nsettings\noverview\n0\n1\n:q\n", "fettle fettle updates\n'\n\"\n#\n: : :\n\xff\xfe\x00\x1b[A\n",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, in string, person bool) {
		var out bytes.Buffer
		testConsole(t, st, in, &out, person).Run(t.Context())
		if !utf8.Valid(out.Bytes()) {
			t.Errorf("not UTF-8: %q", out.Bytes())
		}
		if i := strings.IndexFunc(out.String(), func(r rune) bool { return r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 }); i >= 0 {
			t.Errorf("a control character at %d of %q", i, out.String())
		}
	})
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]string{"3,5-7": "[3 5 6 7]", "1 2,2": "[1 2]", "all": "[1 2 3 4 5 6 7 8 9]", "5-7,6-8": "[5 6 7 8]"} {
		if got, err := numbers(text, 9); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q: %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "10", "7-5", "x", "1-", "-1", "1--2", ","} {
		if got, err := numbers(text, 9); err == nil {
			t.Errorf("%q gave %v", text, got)
		}
	}
}

func TestLongLinesAreNotObeyed(t *testing.T) {
	st, err := store.Open(store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var out bytes.Buffer
	status := testConsole(t, st, "updates "+strings.Repeat("x", 2*longestLine)+"\nupdates\n", &out, false).Run(t.Context())
	if status != statusUsage || strings.Contains(out.String(), "item") || !strings.Contains(out.String(), "longer than") {
		t.Errorf("status %d, %q", status, out.String()[:min(200, out.Len())])
	}
}

func TestWrap(t *testing.T) {
	for _, width := range []int{0, 20, 40, 80} {
		for _, text := range []string{"", "a", strings.Repeat("word ", 50), strings.Repeat("x", 100), "日本語 " + strings.Repeat("日本 ", 40)} {
			if got := strings.Join(wrap(text, width), " "); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(text), " ") {
				t.Errorf("wrapping %q at %d lost something: %q", text, width, got)
			}
		}
	}
}
