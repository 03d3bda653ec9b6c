// SPDX-License-Identifier: Apache-2.0

package source

import (
	"bytes"
	"context"
)

// keptKey is where it is kept what the last read of a live source left for the next one.
// The source's digest stands before it: by other rules every row is looked at again.
func keptKey(source string) string { return "kept:" + source }

func (s Source) kept(ctx context.Context, tx Tx) ([]byte, error) {
	all, err := tx.Meta(ctx, keptKey(s.Name))
	if rest, ok := bytes.CutPrefix(all, s.Digest[:]); ok && len(rest) > 0 {
		return rest, err
	}
	return nil, err
}

// unkeep takes away what the last whole read left, within the transaction that takes
// something: what it stands for is not what is known any more. Else a source that goes back
// to what it said then would be taken for unchanged, and whoever came or went in between
// would stay as they are.
func (in *ingestion) unkeep(ctx context.Context, tx Tx) error {
	if in.batch.Live == nil {
		return nil
	}
	return tx.PutMeta(ctx, keptKey(in.s.Name), []byte{})
}

// keep keeps what a read leaves for the next one, after Standing; a read that somebody has
// to look into, or that knows nothing of somebody who was taken meanwhile, is made again as
// a whole.
func (in *ingestion) keep(ctx context.Context, tx Tx) error {
	if in.batch.Live == nil {
		return nil
	}
	kept := []byte{}
	clean := in.r.Complete && !in.spared && len(in.r.Rejected)+len(in.r.Waiting)+len(in.late)+len(in.batch.Live.Doubted) == 0
	if keep := in.batch.Live.Keep; clean && len(keep) > 0 {
		kept = append(in.s.Digest[:len(in.s.Digest):len(in.s.Digest)], keep...)
	}
	return tx.PutMeta(ctx, keptKey(in.s.Name), kept)
}

// unchanged is a read of a source that says what it said at the last one: everybody stands
// as they stood, and only the read is written down.
func (in *ingestion) unchanged(ctx context.Context) (Report, error) {
	return in.r, in.st.Update(ctx, func(tx Tx) error { return tx.PutRead(ctx, in.r, in.batch.Proof) })
}
