// Package authenticode checks the Authenticode signature of a cabinet: that the
// cabinet is what its signer signed, and who vouches for the signer.
//
// The structures are read by relic. What it leaves out is done here: the layout
// is checked first, by package cabinet, since relic allocates what headers claim;
// chains are held to given roots at a given time; and digests that can be forged
// are not trusted.
//
// # What a signature covers
//
// The content: the lists of folders and files and every block, and of the header
// the sizes, places, counts, version, flags and set number. Not covered, and
// without influence on what comes out of a cabinet: bytes 4 to 7 and 34 to 35 of
// the header (an unused word, the number within a set) and 52 to 55 of the
// reserve (unused). The signature itself holds things that nobody signed, such as
// padding and certificates that lead nowhere; a time stamp is signed by whoever
// made it, and its absence is nobody's statement.
//
// A signature says who made a cabinet, not when it was made for whom: an old
// signed cabinet stays good. Whoever imports must not let an older edition
// replace a newer one.
//
// Revocation is not asked about: that would need the network.
package authenticode

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sassoftware/relic/v7/lib/authenticode"
	"github.com/sassoftware/relic/v7/lib/x509tools"

	"fettle/model"
	"fettle/sync/cabinet"
)

// ErrUnsigned says that a cabinet has no signature.
var ErrUnsigned = errors.New("the cabinet is not signed")

// ErrInvalid says that a signature is there but is not one over this cabinet:
// either was changed.
var ErrInvalid = errors.New("the signature of the cabinet is wrong: the cabinet was changed after it was signed, or damaged")

// Signature is a signature that fits its cabinet, and whether its signer is
// trusted. Texts are safe to show.
type Signature struct {
	Subject     string // whom the signing certificate names
	Issuer      string // who issued it
	Fingerprint string // SHA-256 of the certificate, in hexadecimal
	NotBefore   time.Time
	NotAfter    time.Time
	Digest      string // the algorithm, such as SHA-256
	Description string // what the signer says the cabinet is; mostly empty

	Stamped      time.Time // when it was signed, by a time stamp; zero when there is none
	StampedBy    string
	StampTrusted bool

	Trusted bool
	Reason  string // in words, when it is not trusted
}

// digests are the algorithms that may be trusted. A chosen prefix of MD5 or SHA-1
// makes two contents with one digest.
var digests = map[crypto.Hash]string{crypto.SHA256: "SHA-256", crypto.SHA384: "SHA-384", crypto.SHA512: "SHA-512"}

// The layout of a signed cabinet: the header, the sizes of the reserve, and what
// points at the signature; the folders follow, and then the files.
const (
	headerAndReserve = 36 + 4 + 20
	folderEntry      = 8
	maximumSignature = 1 << 20 // Microsoft's have about 10 KB
	future           = 24 * time.Hour
)

// Verify checks the signature of the cabinet in the first size bytes of r. Roots
// are the certificates that may vouch for signers and for time stamps; nil means
// those that this computer trusts. The certificates must have been good when the
// cabinet was signed, if a trusted time stamp says when that was, or else at the
// given time.
//
// An error means that there is no signature (ErrUnsigned), that it does not fit
// (ErrInvalid), or that the cabinet could not be read. A Signature that is not
// Trusted fits the cabinet, but anybody may have made it.
func Verify(r io.ReaderAt, size int64, roots *x509.CertPool, at time.Time) (s *Signature, err error) {
	// relic takes some structures apart without looking whether they are there.
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("%w (%v)", ErrInvalid, p)
		}
	}()
	if err := layout(r, size); err != nil {
		return nil, err
	}
	watched := &watching{r: io.NewSectionReader(r, 0, size)}
	found, err := authenticode.VerifyCab(watched, false)
	if watched.err != nil {
		return nil, fmt.Errorf("checking the signature of a cabinet: %w", watched.err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", ErrInvalid, model.Clean(err.Error()))
	}
	fingerprint := sha256.Sum256(found.Certificate.Raw)
	s = &Signature{
		Subject:     name(found.Certificate.RawSubject),
		Issuer:      name(found.Certificate.RawIssuer),
		Fingerprint: hex.EncodeToString(fingerprint[:]),
		NotBefore:   found.Certificate.NotBefore,
		NotAfter:    found.Certificate.NotAfter,
		Digest:      digests[found.HashFunc],
	}
	if s.Digest == "" {
		s.Digest = found.HashFunc.String()
	}
	if found.OpusInfo != nil {
		s.Description = model.Clean(found.OpusInfo.ProgramName.String())
	}
	var stampFailure error
	if c := found.CounterSignature; c != nil {
		s.Stamped, s.StampedBy = c.SigningTime, name(c.Certificate.RawSubject)
		if stampFailure = c.VerifyChain(roots, nil); stampFailure == nil && c.SigningTime.After(at.Add(future)) {
			stampFailure = errors.New("it lies in the future")
		}
		s.StampTrusted = stampFailure == nil
	}
	signed := at
	if s.StampTrusted {
		signed = s.Stamped
	}
	s.Reason = distrust(found, roots, signed)
	if s.Reason != "" && stampFailure != nil {
		s.Reason += "; its time stamp does not count: " + model.Clean(stampFailure.Error())
	}
	s.Trusted = s.Reason == ""
	return s, nil
}

// distrust says in words why a signature that fits is not trusted, or nothing.
func distrust(found *authenticode.CabSignature, roots *x509.CertPool, signed time.Time) string {
	if _, ok := digests[found.HashFunc]; !ok {
		return fmt.Sprintf("it was signed over a digest of %s, which can be forged", found.HashFunc)
	}
	if h, ok := x509tools.PkixDigestToHash(found.SignerInfo.DigestAlgorithm); !ok || digests[h] == "" {
		return fmt.Sprintf("it was signed with %s, which can be forged", h)
	}
	err := found.Signature.VerifyChain(roots, nil, x509.ExtKeyUsageCodeSigning, signed)
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &unknown):
		return fmt.Sprintf("nobody trusted vouches for %s: its issuer, %s, does not lead to one of the trusted root certificates", name(found.Certificate.RawSubject), name(found.Certificate.RawIssuer))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("the certificate of %s was not valid on %s", name(invalid.Cert.RawSubject), signed.UTC().Format(time.DateOnly))
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return fmt.Sprintf("the certificate of %s is not meant for signing programs", name(found.Certificate.RawSubject))
	}
	return model.Clean(err.Error())
}

// name writes a distinguished name as people read it.
func name(raw []byte) string {
	return model.Clean(x509tools.FormatPkixName(raw, x509tools.NameStyleLdap))
}

// layout refuses what relic must not be given: sizes that it would allocate, and
// lists of files that do not follow the folders, of which it would not cover the
// end.
func layout(r io.ReaderAt, size int64) error {
	c, err := cabinet.Open(r, size, cabinet.Limits{})
	if err != nil {
		return fmt.Errorf("checking the signature of a cabinet: %w", err)
	}
	if !c.Signed() {
		return ErrUnsigned
	}
	offset, length := c.Signature()
	if offset != c.Size() || length <= 0 || length > maximumSignature || offset+length != size {
		return fmt.Errorf("%w (it should have %d bytes at %d, in a file of %d)", ErrInvalid, length, offset, size)
	}
	var head [20]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return fmt.Errorf("checking the signature of a cabinet: %w", err)
	}
	if int64(binary.LittleEndian.Uint32(head[16:])) != headerAndReserve+folderEntry*int64(len(c.Folders())) {
		return fmt.Errorf("%w (its list of files is not where signed cabinets have it)", ErrInvalid)
	}
	return nil
}

// watching remembers an error of reading, so that a failing disk is not taken
// for a forgery.
type watching struct {
	r   io.ReaderAt
	err error
}

func (w *watching) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}
