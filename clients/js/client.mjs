// Asks a server with AWS's own client for JavaScript, for farmtally's tests: it reads
// one JSON task from standard input and prints one JSON answer, as clients/go does,
// whose main.go describes them.

import * as deadline from "@aws-sdk/client-deadline";

/** AWS's client on the endpoint, with the key of the environment. */
function clientOf(task) {
  return new deadline.DeadlineClient({
    endpoint: task.endpoint,
    region: "us-west-2",
    disableHostPrefix: true,
    ...(task.retries ? {} : { maxAttempts: 1 }),
  });
}

/** Runs paginate to its end; gives the items of member and the tokens on the way. */
async function pagesOf(paginate, client, pageSize, input, member, startingToken) {
  const items = [];
  const tokens = [];
  for await (const page of paginate({ client, pageSize, startingToken }, { ...input })) {
    items.push(...(page[member] ?? []));
    if (page.nextToken) tokens.push(page.nextToken);
  }
  return { items, tokens };
}

async function list(client, { farmId, pageSizes }) {
  const lists = { farms: {}, queues: {}, fleets: {} };
  for (const size of pageSizes) {
    for (const [member, paginate, input] of [
      ["farms", deadline.paginateListFarms, {}],
      ["queues", deadline.paginateListQueues, { farmId }],
      ["fleets", deadline.paginateListFleets, { farmId }],
    ]) {
      lists[member][size] = (await pagesOf(paginate, client, size, input, member)).items;
    }
  }
  return lists;
}

/** The members of a Start, with the types that the client wants. */
function startInput(members) {
  const input = { ...members };
  for (const name of ["startTime", "endTime"]) input[name] = new Date(members[name]);
  return input;
}

async function wait(client, get) {
  for (;;) {
    const page = await client.send(new deadline.GetSessionsStatisticsAggregationCommand(get));
    if (page.status !== "IN_PROGRESS") return page.status;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function startAndRead(client, start, pageSizes) {
  const started = await client.send(new deadline.StartSessionsStatisticsAggregationCommand(startInput(start)));
  const get = { farmId: start.farmId, aggregationId: started.aggregationId };
  const answer = { attempts: started.$metadata.attempts, status: await wait(client, get), rows: {}, pages: {} };
  const paginate = deadline.paginateGetSessionsStatisticsAggregation;
  for (const size of pageSizes) {
    const { items, tokens } = await pagesOf(paginate, client, size, get, "statistics");
    answer.rows[size] = items;
    answer.pages[size] = tokens.length + 1;
    if (size === 1 && tokens.length > 1) {
      const middle = tokens[Math.floor(tokens.length / 2)];
      answer.resumed = (await pagesOf(paginate, client, 100, get, "statistics", middle)).items;
    }
  }
  return answer;
}

async function read(client, task) {
  return { ...(await list(client, task)), ...(await startAndRead(client, task.start, task.pageSizes)) };
}

/** How an error of the server arrived; others are thrown on. */
function exceptionOf(error) {
  if (!(error instanceof deadline.DeadlineServiceException)) throw error;
  const { name, message, $fault, $metadata, $response, $retryable, ...members } = error;
  const modelled = deadline[name] !== undefined && error instanceof deadline[name];
  return {
    class: modelled ? name : "",
    code: name,
    httpStatus: $metadata.httpStatusCode,
    members: { message, ...members },
  };
}

async function provoke(client, calls) {
  const got = [];
  for (const { operation, input } of calls) {
    const members = operation.startsWith("Start") ? startInput(input) : input;
    const failed = await client.send(new deadline[`${operation}Command`](members)).then(() => null, exceptionOf);
    got.push(failed);
  }
  return got;
}

async function race(task) {
  const clients = task.race.starts.map(() => clientOf(task));
  await Promise.all(clients.map((client) => client.send(new deadline.ListFarmsCommand({}))));
  return Promise.all(
    clients.map((client, i) =>
      startAndRead(client, task.race.starts[i], [100]).catch((error) => ({ exception: exceptionOf(error) })),
    ),
  );
}

async function answer(task) {
  if (task.read) return read(clientOf(task), task.read);
  if (task.provoke) return provoke(clientOf(task), task.provoke);
  return race(task);
}

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const task = JSON.parse(Buffer.concat(chunks).toString());
console.log(JSON.stringify(await answer(task)));
