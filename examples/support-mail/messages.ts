/** The data of the task: messages to a shop, each with the desk it belongs to. Written for this example. */

export const DESKS = ['billing', 'delivery', 'returns', 'account', 'product'] as const
export type Desk = (typeof DESKS)[number]

export interface Message {
  readonly text: string
  readonly desk: Desk
}

export const SPLITS = {
  train: [
    { text: 'My card was charged twice for one order.', desk: 'billing' },
    { text: 'The tracking page has said "on its way" for nine days.', desk: 'delivery' },
    { text: 'The shoes are too small, how do I send them back?', desk: 'returns' },
    { text: 'I cannot log in since I changed my phone.', desk: 'account' },
    { text: 'Does the kettle fit a 110 volt socket?', desk: 'product' },
    { text: 'Please send me an invoice with our VAT number on it.', desk: 'billing' },
    { text: 'The driver left the parcel in the rain.', desk: 'delivery' },
    { text: 'I want my money back, the lamp arrived broken.', desk: 'returns' },
    { text: 'How do I change the e-mail address I sign in with?', desk: 'account' },
    { text: 'Which of the two tents is lighter?', desk: 'product' },
    { text: 'Why is there a fee of 4.90 on my statement?', desk: 'billing' },
    { text: 'Can you deliver on Saturday instead of Friday?', desk: 'delivery' },
    { text: 'May I exchange the blue jacket for a green one?', desk: 'returns' },
    { text: 'The reset link for my password has expired.', desk: 'account' },
    { text: 'Is the bag waterproof?', desk: 'product' },
    { text: 'The voucher was not taken off the total.', desk: 'billing' },
    { text: 'My parcel went to my old flat.', desk: 'delivery' },
    { text: 'The return label will not print.', desk: 'returns' },
    { text: 'Please delete my profile and all that you know of me.', desk: 'account' },
    { text: 'How long does the battery of the speaker last?', desk: 'product' },
    { text: 'I paid by transfer, but the order still says unpaid.', desk: 'billing' },
    { text: 'Two of the three boxes have arrived.', desk: 'delivery' },
    { text: 'I sent the coat back two weeks ago and have heard nothing.', desk: 'returns' },
    { text: 'Somebody else seems to be using my login.', desk: 'account' },
    { text: 'Is there a spare part for the blender lid?', desk: 'product' },
    { text: 'Can I pay in three instalments?', desk: 'billing' },
    { text: 'The courier says that the address does not exist.', desk: 'delivery' },
    { text: 'Until when can I bring back a gift?', desk: 'returns' },
    { text: 'I no longer want your newsletter.', desk: 'account' },
    { text: 'What wood is the table made of?', desk: 'product' },
  ],
  test: [
    { text: 'The amount you took is not the amount on the receipt.', desk: 'billing' },
    { text: 'Where is my order? It should have been here on Monday.', desk: 'delivery' },
    { text: 'The zip broke on the first day, I want to send the bag back.', desk: 'returns' },
    { text: 'The code for signing in never reaches me.', desk: 'account' },
    { text: 'Does the pan work on an induction hob?', desk: 'product' },
    { text: 'My refund is smaller than what I had paid.', desk: 'billing' },
    { text: 'The parcel shop has no parcel for me.', desk: 'delivery' },
    { text: 'You sent the wrong size; how do we swap it?', desk: 'returns' },
    { text: 'I have two profiles and would like to have one.', desk: 'account' },
    { text: 'How heavy may a person be on the folding chair?', desk: 'product' },
    { text: 'Please put the company name on the bill.', desk: 'billing' },
    { text: 'Can the parcel wait for me until I am back from holiday?', desk: 'delivery' },
    { text: 'Do I have to pay for sending it back?', desk: 'returns' },
    { text: 'My account was closed and I do not know why.', desk: 'account' },
    { text: 'Is the red of the scarf as dark as in the picture?', desk: 'product' },
    { text: 'The discount of the spring sale is missing from my order.', desk: 'billing' },
    { text: 'It says delivered, but nobody here has it.', desk: 'delivery' },
    { text: 'The opened game, can it still be returned?', desk: 'returns' },
    { text: 'Change my telephone number, please.', desk: 'account' },
    { text: 'Are the candles free of palm oil?', desk: 'product' },
  ],
} as const satisfies Record<string, readonly Message[]>

export type Split = keyof typeof SPLITS
