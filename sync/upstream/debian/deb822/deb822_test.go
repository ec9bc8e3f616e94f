package deb822

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// readAll renders what a reader gives: fields as name=value;, a malformed stanza
// as its error.
func readAll(r *Reader) (stanzas []string, err error) {
	for {
		fields, err := r.Next()
		var wrong *SyntaxError
		switch {
		case errors.As(err, &wrong):
			stanzas = append(stanzas, "! "+wrong.Error())
			continue
		case err == io.EOF:
			return stanzas, nil
		case err != nil:
			return stanzas, err
		}
		var b strings.Builder
		for _, f := range fields {
			fmt.Fprintf(&b, "%s=%s;", f.Name, f.Value)
		}
		stanzas = append(stanzas, b.String())
	}
}

func TestNext(t *testing.T) {
	tests := []struct {
		name, input string
		want        []string
	}{
		{"empty", "", nil},
		{"only blank lines", "\n\n \n", nil},
		{"two stanzas", "Package: a\nVersion: 1\n\nPackage: b\n", []string{"package=a;version=1;", "package=b;"}},
		{"several blank lines between", "\n\nA: 1\n\n\n\t\nB: 2\n\n", []string{"a=1;", "b=2;"}},
		{"no line end at the end", "A: 1\n\nB: 2", []string{"a=1;", "b=2;"}},
		{"continued", "A: 1\n 2\n\t.\n 3 \nB:\n x\n", []string{"a=1\n 2\n\t.\n 3;b=\n x;"}},
		{"carriage returns", "A: 1\r\n 2\r\n\r\nB: 2\r\n", []string{"a=1\r\n 2;", "b=2;"}},
		{"white space around", "A:\t  1 2 \t\nB:x\nC:\nD: \n", []string{"a=1 2;b=x;c=;d=;"}},
		{"value with a colon", "Source: x (1:2)\n", []string{"source=x (1:2);"}},
		{"no colon", "A: 1\nnonsense\nB: 2\n\nC: 3\n", []string{"! line 2: there is no field name followed by a colon", "c=3;"}},
		{"no name", ": 1\n\nC: 3\n", []string{"! line 1: there is no field name followed by a colon", "c=3;"}},
		{"begins with a continuation", "\n x: 1\n\nC: 3\n", []string{"! line 2: the stanza begins with a continuation line", "c=3;"}},
		{"blank in a name", "A b: 1\n", []string{"! line 1: a field name has a character that is not allowed"}},
		{"comment", "#A: 1\n", []string{"! line 1: a field name begins with # or -"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, how := range []func(io.Reader) io.Reader{
				func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader,
			} {
				got, err := readAll(NewReader(how(strings.NewReader(test.input))))
				if err != nil {
					t.Fatal(err)
				}
				if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", test.want) {
					t.Errorf("got  %q\nwant %q", got, test.want)
				}
			}
		})
	}
}

// TestLimits: input that never ends is refused before it fills the memory.
func TestLimits(t *testing.T) {
	limits := Limits{Line: 100, Stanza: 1000}
	tests := []struct {
		name  string
		input io.Reader
		want  error
	}{
		{"a line at the limit", strings.NewReader("A: " + strings.Repeat("x", 97) + "\n"), nil},
		{"a line above it", strings.NewReader("A: " + strings.Repeat("x", 98) + "\n"), ErrTooLarge},
		{"a stanza above it", strings.NewReader(strings.Repeat("A: x\n", 201)), ErrTooLarge},
		{"a line without end", endless("x"), ErrTooLarge},
		{"a stanza without end", endless("A: x\n"), ErrTooLarge},
		{"a malformed stanza that ends", strings.NewReader(strings.Repeat("nonsense\n", 300) + "\nB: 1\n"), nil},
		{"a failing source", iotest.ErrReader(io.ErrUnexpectedEOF), io.ErrUnexpectedEOF},
		{"a source that gives nothing", endless(""), io.ErrNoProgress},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := NewReaderLimits(test.input, limits)
			_, err := readAll(r)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if err != nil {
				if _, again := r.Next(); !errors.Is(again, test.want) {
					t.Errorf("the second call gave %v, want %v", again, test.want)
				}
			}
		})
	}
}

type endless string

func (e endless) Read(p []byte) (int, error) {
	if e == "" {
		return 0, nil
	}
	n := 0
	for n+len(e) <= len(p) {
		n += copy(p[n:], e)
	}
	return n, nil
}

// TestRoundTrip: what is written in the format is read back, however the source
// cuts it.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z][a-z0-9-]{0,12}`)
		value := rapid.StringMatching(`[!-~]([ -~]{0,40}[!-~])?(\n [!-~]{1,20}){0,3}`)
		var text strings.Builder
		var want []string
		for range rapid.IntRange(0, 20).Draw(t, "stanzas") {
			var line strings.Builder
			for range rapid.IntRange(1, 6).Draw(t, "fields") {
				n, v := name.Draw(t, "name"), value.Draw(t, "value")
				fmt.Fprintf(&text, "%s: %s\n", strings.ToUpper(n), v)
				fmt.Fprintf(&line, "%s=%s;", n, v)
			}
			text.WriteString(strings.Repeat("\n", rapid.IntRange(1, 3).Draw(t, "blank lines")))
			want = append(want, line.String())
		}
		got, err := readAll(NewReader(iotest.HalfReader(strings.NewReader(text.String()))))
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %q (%v)\nwant %q", got, err, want)
		}
	})
}

// FuzzNext: every input ends, without a panic, and reads the same whole and byte
// by byte.
func FuzzNext(f *testing.F) {
	f.Add([]byte("Package: a\nVersion: 1\n\nPackage: b\n"))
	f.Add([]byte("A:\n x\n .\n\n\x00\xff: \n\r\n#"))
	f.Fuzz(func(t *testing.T, input []byte) {
		limits := Limits{Line: 64, Stanza: 512}
		whole, err1 := readAll(NewReaderLimits(bytes.NewReader(input), limits))
		bytewise, err2 := readAll(NewReaderLimits(iotest.OneByteReader(bytes.NewReader(input)), limits))
		if fmt.Sprint(whole) != fmt.Sprint(bytewise) || (err1 == nil) != (err2 == nil) {
			t.Errorf("whole: %q, %v\nbytewise: %q, %v", whole, err1, bytewise, err2)
		}
	})
}

func TestLines(t *testing.T) {
	var got []string
	for line := range Lines([]byte("\n abc 12 x\r\n\n  def 3 y ")) {
		got = append(got, string(line))
	}
	if fmt.Sprintf("%q", got) != `["abc 12 x" "def 3 y"]` {
		t.Errorf("got %q", got)
	}
	if got := FirstLine([]byte("short \n long\n .")); string(got) != "short" {
		t.Errorf("first line %q", got)
	}
}

func BenchmarkNext(b *testing.B) {
	stanza := "Package: curl\nSource: curl (7.88.1-10)\nVersion: 7.88.1-10+b1\nInstalled-Size: 515\nMaintainer: Somebody <somebody@example.org>\n" +
		"Architecture: amd64\nDepends: libc6 (>= 2.34), libcurl4 (= 7.88.1-10)\nDescription: command line tool for transferring data\n" +
		"Section: web\nPriority: optional\nFilename: pool/main/c/curl/curl_7.88.1-10_amd64.deb\nSize: 315228\nSHA256: " + strings.Repeat("a", 64) + "\n\n"
	text := []byte(strings.Repeat(stanza, 10000))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r := NewReader(bytes.NewReader(text))
		for {
			if _, err := r.Next(); err != nil {
				break
			}
		}
	}
}
