// SPDX-License-Identifier: MIT OR Apache-2.0

// Records as go-fil-markets v1.28.3 migrates them: reads those of client 1.0.9 from standard input, as hex, a line each; writes
// what MigrateClientDealState1To2 makes of them in the same form, or an empty line for what it cannot read or store.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"

	"github.com/filecoin-project/go-fil-markets/retrievalmarket/migrations"
	"github.com/filecoin-project/go-fil-markets/retrievalmarket/migrations/maptypes"
)

func migrate(line string) (string, error) {
	record, err := hex.DecodeString(line)
	if err != nil {
		return "", err
	}
	var before maptypes.ClientDealState1
	if err := before.UnmarshalCBOR(bytes.NewReader(record)); err != nil {
		return "", err
	}
	after, err := migrations.MigrateClientDealState1To2(&before)
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
