"""A process that asks a server many questions within a run's account, for tests that kill it.

python ask_many.py BASE_URL FOLDER COUNT CONCURRENCY: prints each index as its reply comes.
"""

import sys
from pathlib import Path

from handful.models.endpoint import chat
from handful.recipe.judging import EndpointJudge
from handful.run.spending import account_of

if __name__ == "__main__":
    base_url, folder, count, concurrency = sys.argv[1:]
    server = EndpointJudge(
        kind="endpoint",
        base_url=base_url,
        model="m",
        concurrency=int(concurrency),
        input_price=1.0,
        output_price=2.0,
    )
    questions = [(n, [{"role": "user", "content": f"question {n}"}]) for n in range(int(count))]
    with account_of(Path(folder), {"judge-m"}) as account:
        account.step = "judge-m"
        for reply in chat(server, questions, temperature=0.0, max_tokens=10):
            print(reply.index, flush=True)
