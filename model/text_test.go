package model

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                       "plain",
		"tab\tand\nline":              "tab and line",
		"\x1b[31mred\x1b[0m":          "red",
		"\x1b]0;title\x07after":       "after",
		"\x1b]8;;http://x\x1b\\link":  "link",
		"\x1b[2Jcleared":              "cleared",
		"bell\a":                      "bell",
		"\u202egnp.exe":               "gnp.exe",
		"bad\xffutf8":                 "bad\ufffdutf8",
		"c1\u009b31mred":              "c131mred",
		"日本語 ok":                      "日本語 ok",
		"unfinished \x1b[":            "unfinished ",
		"unfinished \x1b]0;swallowed": "unfinished 0;swallowed",
		"\x1b":                        "",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := CleanLines("a\nb\x1b[1m"); got != "a\nb" {
		t.Errorf("CleanLines: %q", got)
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "a\x1b[1;2Hb", "\x1bP1\x1b\\", "\u202e\u2066x", "\x9b1m", "\xc2\x9b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) {
			t.Fatalf("invalid UTF-8: %q", got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unsafeRune(r) {
				t.Fatalf("%q is left in %q", r, got)
			}
		}
		if Clean(got) != got {
			t.Fatalf("not stable: %q then %q", got, Clean(got))
		}
		if strings.ContainsRune(CleanLines(s), 0x1b) {
			t.Fatal("an escape is left")
		}
	})
}
