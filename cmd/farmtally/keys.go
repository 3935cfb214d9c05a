package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

func (p *program) keysCommand() *cobra.Command {
	return p.group("keys", "the access keys that sign requests", `  farmtally keys create --name pipeline`,
		p.keysCreateCommand(), p.keysListCommand(), p.keysRevokeCommand())
}

// createdKey is what a script reads from keys create.
type createdKey struct {
	AccessKeyID     string     `json:"accessKeyId"`
	SecretAccessKey string     `json:"secretAccessKey"`
	Name            string     `json:"name"`
	CreatedAt       string     `json:"createdAt"`
	Grants          []keyGrant `json:"grants"`
}

// listedKey is what a script reads of a key from keys list.
type listedKey struct {
	AccessKeyID string     `json:"accessKeyId"`
	Name        string     `json:"name"`
	CreatedAt   string     `json:"createdAt"`
	RevokedAt   string     `json:"revokedAt,omitempty"`
	Grants      []keyGrant `json:"grants"`
}

func (p *program) keysCreateCommand() *cobra.Command {
	var name, output string
	var grants []string
	cmd := &cobra.Command{
		Use: "create --name NAME", Short: "make a key, and show its secret once",
		Long: `create makes a key and shows its secret once. --grant says what the key may do on a farm,
by its name or id, or on every farm, by '*', those that are still to come too:

  OWNER    read statistics and push records
  MANAGER  read statistics
  WRITER   push records

A key that is granted nothing by name is the OWNER of every farm.`,
		Example: `  $ farmtally keys create --name pipeline
  export AWS_ACCESS_KEY_ID=FTQ2W7KXN5ZD4VJ3LR6A
  export AWS_SECRET_ACCESS_KEY=…

  $ farmtally keys create --name agent --grant studio=WRITER --output json`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if name == "" {
				return misusef(helpOf(cmd), "a key needs a --name, so that people know whose it is")
			}
			wanted, err := parseGrants(grants)
			if err != nil {
				return misusef(helpOf(cmd), "%s", err)
			}
			return p.withCatalog(cmd.Context(), presenceFor(wanted), func(c *storage.Catalog) error {
				return p.createKey(cmd.Context(), c, name, wanted, output)
			})
		},
	}
	dataFlag(cmd)
	cmd.Flags().StringVar(&name, "name", "", "whose key it is")
	cmd.Flags().StringArrayVar(&grants, "grant", []string{"*=OWNER"}, "what the key may do, as `FARM=ROLE`; may be given again")
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

func (p *program) createKey(ctx context.Context, c *storage.Catalog, name string, wanted []wantedGrant, output string) error {
	farms, err := c.Farms(ctx)
	if err != nil {
		return err
	}
	grants, err := resolveGrants(farms, wanted)
	if err != nil {
		return err
	}
	key, err := c.CreateKey(ctx, name, grants...)
	if err != nil {
		return err
	}
	if output == "json" {
		return printJSON(p.stdout, createdKey{key.ID, key.Secret, key.Name, key.CreatedAt.String(), namedGrants(farms, key.Grants)})
	}
	fmt.Fprintf(p.stderr, "This is the key of %s (%s); its secret is shown this once.\n", visible(name), visible(roles(farms, key.Grants)))
	_, err = fmt.Fprintf(p.stdout, "export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\n", key.ID, key.Secret)
	return err
}

func (p *program) keysListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "list the keys and what they may do, without their secrets",
		Example: `  $ farmtally keys list
  ID                    NAME      ROLES          CREATED               REVOKED
  FTQ2W7KXN5ZD4VJ3LR6A  pipeline  *=OWNER        2026-01-31T08:00:00Z  -
  FTX5M2BTHC6YUQ4IWE7P  agent     studio=WRITER  2026-02-02T09:30:00Z  -`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withCatalog(cmd.Context(), mustExist, func(c *storage.Catalog) error {
				return p.listKeys(cmd.Context(), c, output)
			})
		},
	}
	dataFlag(cmd)
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

func (p *program) listKeys(ctx context.Context, c *storage.Catalog, output string) error {
	keys, err := c.Keys(ctx)
	if err != nil {
		return err
	}
	farms, err := c.Farms(ctx)
	if err != nil {
		return err
	}
	listed := []listedKey{}
	t := &table{columns: []column{{title: "ID"}, {title: "NAME"}, {title: "ROLES"}, {title: "CREATED"}, {title: "REVOKED"}}}
	for _, k := range keys {
		x := listedKey{AccessKeyID: k.ID, Name: k.Name, CreatedAt: k.CreatedAt.String(), Grants: namedGrants(farms, k.Grants)}
		if k.RevokedAt != 0 {
			x.RevokedAt = k.RevokedAt.String()
		}
		listed = append(listed, x)
		t.add(x.AccessKeyID, x.Name, cmp.Or(roles(farms, k.Grants), absent), x.CreatedAt, cmp.Or(x.RevokedAt, absent))
	}
	if output == "json" {
		return printJSON(p.stdout, map[string][]listedKey{"keys": listed})
	}
	return t.print(p.stdout)
}

func (p *program) keysRevokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "make a key good for nothing, at once",
		Example: `  farmtally keys revoke FTQ2W7KXN5ZD4VJ3LR6A`,
		Args:    arguments(1, 1, "one key's id, as 'farmtally keys list' shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withCatalog(cmd.Context(), mustExist, func(c *storage.Catalog) error {
				err := c.RevokeKey(cmd.Context(), args[0])
				if farmtally.KindOf(err) == farmtally.NotFound {
					return &farmtally.Error{Kind: farmtally.NotFound, Message: "there is no key " + args[0] + " that is not revoked yet", Hint: "see them with 'farmtally keys list'"}
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(p.stdout, "revoked %s\n", args[0])
				return err
			})
		},
	}
	dataFlag(cmd)
	return cmd
}
