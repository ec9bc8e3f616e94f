package wsusexport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"pgregory.net/rapid"
)

// aRevision is a revision with these numbers.
func aRevision(id, number int) revision {
	var g guid
	for i := range 4 {
		g[12+i] = byte(id >> (8 * (3 - i)))
	}
	return revision{g, uint32(number)}
}

// writeRecord writes a record as an export does.
func writeRecord(b []byte, r revision, text string) []byte {
	b = appendRecordHead(b, r, utf16Length([]byte(text)))
	return append(append(b, text...), "\r\n"...)
}

// readRecords reads all records and their texts.
func readRecords(r io.Reader, limit int, keep func(revision) bool) (recs []record, texts []string, err error) {
	reader := newRecordReader(r, limit)
	for {
		rec, text, err := reader.next(nil, keep)
		if errors.Is(err, io.EOF) {
			return recs, texts, nil
		}
		if err != nil {
			return recs, texts, err
		}
		recs, texts = append(recs, rec), append(texts, string(text))
	}
}

// TestRecordsComeBackAsWritten holds that whatever a document is made of, line
// breaks and what looks like records among it, and however the reader delivers
// it, records are cut where they were written.
func TestRecordsComeBackAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var file []byte
		var want []string
		for i := range rapid.IntRange(0, 6).Draw(t, "records") {
			text := strings.Join(rapid.SliceOf(rapid.OneOf(
				rapid.String(), rapid.SampledFrom([]string{"\r\n", "<upd:Update>", "é", "日本", "😀", "\x80\xff", strings.Repeat("x", 70000), "\r\n00000000-0000-0000-0000-000000000001,00000001,00000001,<"}),
			)).Draw(t, "text"), "")
			want = append(want, text)
			file = writeRecord(file, aRevision(i, i), text)
		}
		var r io.Reader = bytes.NewReader(file)
		if rapid.Bool().Draw(t, "slow") {
			r = iotest.HalfReader(r)
		}
		recs, texts, err := readRecords(r, 1<<30, nil)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(texts) != fmt.Sprint(want) {
			t.Fatalf("%q\nbut wrote %q", texts, want)
		}
		for i, rec := range recs {
			if rec.revision != aRevision(i, i) {
				t.Fatalf("record %d is %v", i, rec)
			}
		}
	})
}

// TestLengthsAreThoseOfUTF16 compares with the standard library.
func TestLengthsAreThoseOfUTF16(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		if got, want := utf16Length([]byte(s)), len(utf16.Encode([]rune(s))); got != want {
			t.Fatalf("%q has %d units, not %d", s, want, got)
		}
	})
}

// TestRecordsThatAreLeftOut holds that what is not wanted, and what is too long,
// is passed over without the next record being missed.
func TestRecordsThatAreLeftOut(t *testing.T) {
	var file []byte
	for i, text := range []string{"<a/>", strings.Repeat("日", 100_000), "<c/>"} {
		file = writeRecord(file, aRevision(i, 1), text)
	}
	recs, texts, err := readRecords(bytes.NewReader(file), 1000, nil)
	if err != nil || fmt.Sprint(texts) != "[<a/>  <c/>]" || recs[1].problem == "" || recs[2].problem != "" {
		t.Errorf("%v %q %v", recs, texts, err)
	}
	_, texts, err = readRecords(bytes.NewReader(file), 1<<30, func(r revision) bool { return r == aRevision(2, 1) })
	if err != nil || fmt.Sprintf("%q", texts) != `["" "" "<c/>"]` {
		t.Errorf("%q %v", texts, err)
	}
	marked := append([]byte(bom), file...)
	if recs, _, err = readRecords(bytes.NewReader(marked), 1000, nil); err != nil || len(recs) != 3 {
		t.Errorf("with a byte order mark: %v %v", recs, err)
	}
}

// TestDamagedRecords holds that a file which contradicts itself is refused, with
// the place.
func TestDamagedRecords(t *testing.T) {
	good := string(writeRecord(nil, aRevision(1, 1), "<aé😀/>"))
	const head = "00000000-0000-0000-0000-000000000002,00000001,"
	for name, c := range map[string]struct{ file, want string }{
		"cut in the head":           {good[:20], "ends in the middle of a record's head"},
		"cut in the document":       {good[:60], "shorter than its stated length"},
		"cut in a character":        {good[:58], "shorter than its stated length"},
		"cut before the line end":   {good[:len(good)-2], "ends without the record's line end"},
		"cut in the line end":       {good[:len(good)-1], "ends without the record's line end"},
		"no records":                {"<ExportPackage/>" + strings.Repeat(" ", 100), "there is no record here"},
		"a length that is short":    {good + head + "00000002,<b/>\r\n", "does not end where its length says"},
		"a length that is long":     {good + head + "00000005,<b/>\r\n" + good, "does not end where its length says"},
		"a length beyond the end":   {good + head + "7fffffff,<b/>\r\n", "record 2 of metadata.txt"},
		"a negative length":         {good + head + "ffffffff,<b/>\r\n", "there is no record here"},
		"a length in half a pair":   {good + head + "00000001,😀\r\n", "ends within a character"},
		"a length that is no digit": {good + head + "0000000x,<b/>\r\n", "there is no record here"},
		"rubbish between records":   {good + "\r\n" + good, "there is no record here"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := readRecords(strings.NewReader(c.file), 1<<30, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, without %q", err, c.want)
			}
		})
	}
	broken := errors.New("the disk is gone")
	_, _, err := readRecords(io.MultiReader(strings.NewReader(good[:60]), iotest.ErrReader(broken)), 1<<30, nil)
	if !errors.Is(err, broken) {
		t.Errorf("a disk that fails gives %v", err)
	}
}

// FuzzMetadataTxt holds that nothing in metadata.txt makes the reader panic or
// hang, and that what it accepts it would write the same way.
func FuzzMetadataTxt(f *testing.F) {
	f.Add(writeRecord(writeRecord(nil, aRevision(1, 2), "<a>é\r\n😀</a>"), aRevision(2, 1), ""))
	f.Add([]byte("00000000-0000-0000-0000-000000000002,00000001,7fffffff,<b/>\r\n"))
	f.Add([]byte(bom + "E6CF1350-C01B-414D-A61F-263D14D133B4,00000001,00000004,<b/>\r\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		recs, texts, err := readRecords(bytes.NewReader(file), 1<<20, nil)
		if err != nil {
			return
		}
		var again []byte
		for i, rec := range recs {
			if rec.problem != "" {
				return
			}
			again = writeRecord(again, rec.revision, texts[i])
		}
		if !bytes.EqualFold(again, bytes.TrimPrefix(file, []byte(bom))) {
			t.Fatalf("%q is written as %q", file, again)
		}
	})
}
