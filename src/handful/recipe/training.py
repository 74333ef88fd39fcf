"""[train]: how the model is tuned.

A default that the paper does not give says "ours" (schema.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from handful.recipe.values import ModelRef, check


@dataclass(frozen=True, slots=True, kw_only=True)
class Train:
    """Section 3. The smaller models of Section 5 use batch_size 64 and residual_dropout 0.2."""

    model: ModelRef
    """What is tuned."""
    epochs: int = 15
    """Passes over the examples, with a checkpoint after each."""
    batch_size: int = 32
    """Examples an optimizer step, whatever the packing."""
    learning_rate: float = 1e-5
    """At the first step."""
    final_learning_rate: float = 1e-6
    """Reached at the last step, linearly, without warm-up."""
    beta1: float = 0.9
    """Of AdamW."""
    beta2: float = 0.95
    """Of AdamW."""
    weight_decay: float = 0.1
    """Of AdamW."""
    adam_epsilon: float = 1e-8
    """Ours, as are the next two: the paper does not state them."""
    max_grad_norm: float = 1.0
    """0 turns clipping off."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the arithmetic; the master weights are float32 always. "auto" takes bfloat16 where it is fast."""
    residual_dropout: float = 0.3
    """At the last layer; 0 at the first, linear between."""
    max_tokens: int = 2048
    """Longer examples lose their tail."""
    loss_on: Literal["response", "all"] = "response"
    """Ours: the paper says "standard supervised loss"."""
    prompt_weight: float = 0.0
    """With loss_on = "response": what a prompt's token counts in the loss, where a response's counts 1 (ours)."""
    eot_token: str = "<|handful_eot|>"
    """A new token that ends every utterance."""
    eot_init: Literal["auto", "mean", "eos"] = "auto"
    """What its embedding starts as: the mean of all, or that of EOS (ours: the paper does not say). "auto" is "eos"
    where the embedding is also the output layer: there the mean is so improbable that learning it takes hundreds of
    steps."""
    pack_tokens: int = 2048
    """Tokens a forward pass (ours); packing never changes what a step sees."""
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass rather than keep them: less memory, and slower."""
    lora_rank: int = 0
    """Train adapters of this rank (LoRA, Hu et al. 2021) rather than all weights; 0 trains all, as the paper does."""
    lora_alpha: float = 0.0
    """What adapters are scaled by, over their rank; 0 means twice the rank."""
    max_steps: int = 0
    """Stop early, for a trial; 0 runs all epochs. The schedule then ends here too."""
    save_every: int = 50
    """Steps between resume states, beside the one at the end of each epoch."""
    keep: Literal["all", "last"] = "all"
    """Which epochs' checkpoints stay. Choosing between epochs needs all."""
    dev_samples: int = 4
    """Dev prompts that are answered at the end of each epoch, the first so many: all that a person or a judge has to
    choose an epoch by ([choose]). The paper's authors read 50; fewer than 10 show nothing."""
    dev_sample_tokens: int = 128
    """Tokens of such an answer, at most."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """"auto" takes the GPU where there is one."""
    seed: int = 0
    """Of the order of examples and of dropout."""
    track: tuple[Literal["tensorboard", "wandb"], ...] = field(default=(), metadata={"key": False})
    """Where to show the course of it, beside the file in work/metrics; each must be installed."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "save_every", "max_tokens", "pack_tokens"):
            check(self, name, low=1)
        for name in ("max_steps", "dev_samples", "max_grad_norm", "learning_rate", "final_learning_rate"):
            check(self, name, low=0)
        for name in ("lora_rank", "lora_alpha"):
            check(self, name, low=0)
        check(self, "prompt_weight", 0, 1)
        check(self, "residual_dropout", 0, 0.99)
