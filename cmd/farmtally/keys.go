package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally/storage"
)

func (p *program) keysCommand() *cobra.Command {
	return p.group("keys", "the access keys that sign requests", `  farmtally keys create --name pipeline`,
		p.keysCreateCommand(), p.keysListCommand(), p.keysRevokeCommand())
}

// createdKey is what a script reads from keys create.
type createdKey struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	Name            string `json:"name"`
	CreatedAt       string `json:"createdAt"`
}

func (p *program) keysCreateCommand() *cobra.Command {
	var name, output string
	cmd := &cobra.Command{
		Use: "create --name NAME", Short: "make a key, and show its secret once",
		Example: `  $ farmtally keys create --name pipeline
  export AWS_ACCESS_KEY_ID=FTQ2W7KXN5ZD4VJ3LR6A
  export AWS_SECRET_ACCESS_KEY=…

  $ farmtally keys create --name pipeline --output json`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if name == "" {
				return misusef(helpOf(cmd), "a key needs a --name, so that people know whose it is")
			}
			return p.withCatalog(cmd.Context(), mayBeNew, func(c *storage.Catalog) error {
				key, err := c.CreateKey(cmd.Context(), name)
				if err != nil {
					return err
				}
				if output == "json" {
					return printJSON(p.stdout, createdKey{key.ID, key.Secret, key.Name, key.CreatedAt.String()})
				}
				fmt.Fprintln(p.stderr, "This is the key of", visible(name)+"; its secret is shown this once.")
				_, err = fmt.Fprintf(p.stdout, "export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\n", key.ID, key.Secret)
				return err
			})
		},
	}
	p.dataFlag(cmd)
	cmd.Flags().StringVar(&name, "name", "", "whose key it is")
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

func (p *program) keysListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "list the keys, without their secrets",
		Example: `  $ farmtally keys list
  ID                    NAME      CREATED               REVOKED
  FTQ2W7KXN5ZD4VJ3LR6A  pipeline  2026-01-31T08:00:00Z  -`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withCatalog(cmd.Context(), mayBeNew, func(c *storage.Catalog) error {
				keys, err := c.Keys(cmd.Context())
				if err != nil {
					return err
				}
				t := &table{columns: []column{{title: "ID"}, {title: "NAME"}, {title: "CREATED"}, {title: "REVOKED"}}}
				for _, k := range keys {
					revoked := absent
					if k.RevokedAt != 0 {
						revoked = k.RevokedAt.String()
					}
					t.add(k.ID, k.Name, k.CreatedAt.String(), revoked)
				}
				return t.print(p.stdout)
			})
		},
	}
	p.dataFlag(cmd)
	return cmd
}

func (p *program) keysRevokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "make a key good for nothing, at once",
		Example: `  farmtally keys revoke FTQ2W7KXN5ZD4VJ3LR6A`,
		Args:    arguments(1, 1, "one key's id, as 'farmtally keys list' shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withCatalog(cmd.Context(), mustExist, func(c *storage.Catalog) error {
				if err := c.RevokeKey(cmd.Context(), args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintf(p.stdout, "revoked %s\n", args[0])
				return err
			})
		},
	}
	p.dataFlag(cmd)
	return cmd
}
