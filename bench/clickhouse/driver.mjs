// Runs ClickHouse in this process. Each line of standard input is a JSON object with the
// sql to run and, where its rows are wanted, the file to write them to as tab-separated
// text; each is answered with a line that has the seconds it took, or an error.
import { Session } from "chdb";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const session = new Session(process.argv[2]);
for await (const line of createInterface({ input: process.stdin })) {
  const { sql, file } = JSON.parse(line);
  const answer = {};
  try {
    const begun = process.hrtime.bigint();
    const rows = session.query(sql, "TabSeparated");
    answer.seconds = Number(process.hrtime.bigint() - begun) / 1e9;
    if (file) writeFileSync(file, rows);
  } catch (error) {
    answer.error = String(error.message ?? error);
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
session.close();
