// SPDX-License-Identifier: MIT OR Apache-2.0

// Records as go-fil-markets v1.0.9 migrates them: reads those of client 0.5.6 from standard input, as hex, a line each; writes
// what MigrateClientDealState0To1 makes of them in the same form, or an empty line for what it cannot read or store.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"

	"github.com/filecoin-project/go-fil-markets/retrievalmarket/migrations"
)

func migrate(line string) (string, error) {
	record, err := hex.DecodeString(line)
	if err != nil {
		return "", err
	}
	if len(record) == 0 || record[0] != 0x93 {
		return "", fmt.Errorf("expected an array of 19")
	}
	// The array of 20 that step 0 to 1 reads has a VoucherShortfall at its end.
	old := append([]byte{0x94}, append(record[1:], 0x40)...)
	var before migrations.ClientDealState0
	if err := before.UnmarshalCBOR(bytes.NewReader(old)); err != nil {
		return "", err
	}
	after, err := migrations.MigrateClientDealState0To1(&before)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := after.MarshalCBOR(&out); err != nil {
		return "", err
	}
	return hex.EncodeToString(out.Bytes()), nil
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		moved, err := migrate(in.Text())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		fmt.Println(moved)
	}
}
