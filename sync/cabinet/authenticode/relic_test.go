package authenticode_test

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	relic "github.com/sassoftware/relic/v7/lib/authenticode"
	"github.com/sassoftware/relic/v7/lib/cabfile"
	"github.com/sassoftware/relic/v7/lib/certloader"

	"fettle/sync/cabinet"
	"fettle/sync/cabinet/authenticode"
)

var (
	signedAt = time.Date(2026, time.July, 14, 12, 0, 0, 0, time.UTC)
	expires  = signedAt.AddDate(1, 0, 0)
)

// signHere signs a cabinet without another program, by a certificate that is its
// own root.
func signHere(t testing.TB, data []byte) ([]byte, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test\x1b[31m signer"},
		NotBefore: signedAt, NotAfter: expires,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, BasicConstraintsValid: true, IsCA: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := cabfile.Digest(bytes.NewReader(data), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	patches, _, err := relic.SignCabImprint(t.Context(), digest, &certloader.Certificate{Leaf: leaf, Certificates: []*x509.Certificate{leaf}, PrivateKey: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	at := int64(0)
	for i, p := range patches.Patches {
		out = append(out, data[at:p.Offset]...)
		out = append(out, patches.Blobs[i]...)
		at = p.Offset + int64(p.OldSize)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return append(out, data[at:]...), roots
}

// TestWithoutOtherPrograms is the short version of TestSigned, for machines on
// which no signing tool is installed.
func TestWithoutOtherPrograms(t *testing.T) {
	signed, roots := signHere(t, made(t, cabinet.Options{Compression: cabinet.LZX}))
	for _, test := range []struct {
		what    string
		roots   *x509.CertPool
		at      time.Time
		trusted bool
	}{
		{"good", roots, signedAt.AddDate(0, 1, 0), true},
		{"not yet", roots, signedAt.AddDate(0, 0, -1), false},
		{"expired", roots, expires.AddDate(0, 0, 1), false},
		{"unknown", x509.NewCertPool(), signedAt.AddDate(0, 1, 0), false},
	} {
		s, err := verify(signed, test.roots, test.at)
		if err != nil || s.Trusted != test.trusted || (s.Reason == "") != test.trusted {
			t.Errorf("%s: %+v, %v", test.what, s, err)
		}
		if err == nil && bytes.ContainsRune([]byte(s.Subject+s.Reason), 0x1b) {
			t.Errorf("%s: an escape sequence in %q", test.what, s.Subject+s.Reason)
		}
	}
	changed := bytes.Clone(signed)
	changed[bytes.Index(signed, []byte("index.xml"))]++
	if _, err := verify(changed, roots, signedAt); !errors.Is(err, authenticode.ErrInvalid) {
		t.Errorf("changed: %v", err)
	}
}

// TestDisplacedFiles moves the list of files away from the folders, which relic
// would take for the end of the cabinet being elsewhere.
func TestDisplacedFiles(t *testing.T) {
	signed, roots := signHere(t, made(t, cabinet.Options{}))
	const gap, folders = 8, 60
	files := binary.LittleEndian.Uint32(signed[16:])
	changed := slices.Concat(signed[:files], make([]byte, gap), signed[files:])
	for _, at := range []int{8, 16, 44, folders, folders + 8} { // sizes, and where files and folders begin
		binary.LittleEndian.PutUint32(changed[at:], binary.LittleEndian.Uint32(changed[at:])+gap)
	}
	if _, err := verify(changed, roots, signedAt); !errors.Is(err, authenticode.ErrInvalid) || !strings.Contains(err.Error(), "list of files") {
		t.Errorf("%v", err)
	}
}

// TestClaimedSizes are not allocated.
func TestClaimedSizes(t *testing.T) {
	signed, roots := signHere(t, made(t, cabinet.Options{}))
	for _, size := range []uint32{1 << 24, 1 << 31, 1<<32 - 1} {
		binary.LittleEndian.PutUint32(signed[48:], size)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := verify(signed, roots, signedAt)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, authenticode.ErrInvalid) || n > 8<<20 {
			t.Errorf("a signature of %d bytes: %d were allocated, %v", size, n, err)
		}
	}
}

// TestErrorsOfTheDisk are not called forgeries.
func TestErrorsOfTheDisk(t *testing.T) {
	signed, roots := signHere(t, made(t, cabinet.Options{}))
	broken := errors.New("input/output error")
	for fails := range 12 {
		disk := &failing{data: signed, left: fails, err: broken}
		if _, err := authenticode.Verify(disk, int64(len(signed)), roots, signedAt); err != nil && (!errors.Is(err, broken) || errors.Is(err, authenticode.ErrInvalid)) {
			t.Errorf("after %d reads: %v", fails, err)
		}
	}
}

// failing fails when it has been read so many times.
type failing struct {
	data []byte
	left int
	err  error
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.left--; f.left < 0 {
		return 0, f.err
	}
	return bytes.NewReader(f.data).ReadAt(p, off)
}

// FuzzSignature verifies anything: it ends, with an error or a signature.
func FuzzSignature(f *testing.F) {
	signed, roots := signHere(f, made(f, cabinet.Options{}))
	f.Add(signed)
	f.Add(made(f, cabinet.Options{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := verify(data, roots, signedAt)
		if (s == nil) == (err == nil) {
			t.Fatalf("%+v and %v", s, err)
		}
		kinds := []error{nil, authenticode.ErrUnsigned, authenticode.ErrInvalid, cabinet.ErrNotCabinet, cabinet.ErrDamaged, cabinet.ErrUnsupported, cabinet.ErrLimit}
		if !slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) }) {
			t.Fatal(cmp.Or(err, errors.New("no error")))
		}
	})
}
