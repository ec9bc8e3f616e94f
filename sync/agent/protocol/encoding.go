package protocol

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"fettle/model"
)

// MaxMessage bounds one encoded message. The inventory of a computer with 4,000
// packages has about 300 KiB.
const MaxMessage = 5 << 20

var (
	encoder = must(cbor.EncOptions{Sort: cbor.SortCoreDeterministic, Time: cbor.TimeRFC3339NanoUTC, IndefLength: cbor.IndefLengthForbidden}.EncMode())
	decoder = must(cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, MaxNestedLevels: 16,
		MaxArrayElements: 131072, MaxMapPairs: 131072, ExtraReturnErrors: cbor.ExtraDecErrorNone}.DecMode())
)

func must[T any](mode T, err error) T {
	if err != nil {
		panic(err) // the options are constants: a test run would show it
	}
	return mode
}

// Encode writes a message, the same bytes for the same value.
func Encode(message any) ([]byte, error) {
	b, err := encoder.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("encoding %T: %w", message, err)
	}
	if len(b) > MaxMessage {
		return nil, fmt.Errorf("encoding %T: %d bytes are more than a message may have", message, len(b))
	}
	return b, nil
}

// Decode reads a message. Fields it does not know are skipped, so that a newer
// end may say more.
func Decode(b []byte, message any) error {
	if len(b) > MaxMessage {
		return fmt.Errorf("decoding %T: %d bytes are more than a message may have", message, len(b))
	}
	if err := decoder.Unmarshal(b, message); err != nil {
		return fmt.Errorf("decoding %T: %w", message, err)
	}
	return nil
}

// CheckVersion refuses a message of another version of the conversation.
func CheckVersion(v int) error {
	if v == Version {
		return nil
	}
	return &model.Refusal{Code: "protocol", What: "agent and server do not speak the same version",
		Why: fmt.Sprintf("the message has version %d, this program speaks %d", v, Version), Remedy: "bring Fettle to the same release on both computers"}
}

// InventoryDigest tells whether an inventory changed. Its time does not count.
func InventoryDigest(inv *model.Inventory) ([]byte, error) {
	plain := *inv
	plain.Time = time.Time{}
	b, err := Encode(&plain)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	return sum[:], nil
}

// SignPlan signs a plan: Ed25519 over the encoding of all else.
func SignPlan(p *model.InstallPlan, key ed25519.PrivateKey) error {
	p.Signature = nil
	b, err := Encode(p)
	if err != nil {
		return err
	}
	p.Signature = ed25519.Sign(key, append([]byte(planContext), b...))
	return nil
}

// planContext keeps a signature under a plan from being one under anything else.
const planContext = "fettle plan 1\x00"

// VerifyPlan checks a plan's signature.
func VerifyPlan(p model.InstallPlan, key ed25519.PublicKey) error {
	signature := p.Signature
	p.Signature = nil
	b, err := Encode(&p)
	if err != nil {
		return err
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, append([]byte(planContext), b...), signature) {
		return errors.New("the plan's signature is not the server's")
	}
	return nil
}
